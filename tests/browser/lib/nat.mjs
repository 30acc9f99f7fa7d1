// SPDX-License-Identifier: LGPL-2.1-or-later
// A network between a WHIP client and the server: media go through a relay and can be dropped there
// without a word, as when a phone changes its network.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:https';

import { ask } from './whip.mjs';

const host = '127.0.0.1';

async function udpSocket(s) {
  const socket = createSocket('udp4');
  s.atEnd(async () => socket.close());
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}

/// Takes packets to the server's UDP port `to` and back: { port, cut }.
async function startRelay(s, to) {
  const [outside, inside] = await Promise.all([udpSocket(s), udpSocket(s)]);
  let client;
  outside.on('message', (packet, from) => {
    client = from;
    inside.send(packet, to, host);
  });
  inside.on('message', (packet) => client && outside.send(packet, client.port, client.address));
  const cut = () => [outside, inside].forEach((socket) => socket.removeAllListeners('message'));
  return { port: outside.address().port, cut };
}

const candidate = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host.*\r\n/mi;
const withoutCandidates = (sdp) => sdp.replaceAll(/^a=candidate:.*\r\n/gm, '');

/// In front of a pipeline that speaks https: { origin, log, cut }. `log` grows with what is asked:
/// "METHOD path status". cut() drops the media of all sessions that there are so far.
export async function startNat(s, server, { cert, key }) {
  const relays = [];
  const log = [];
  async function forward({ method, url, headers }, body) {
    delete headers['content-length'];
    const answer = await ask(server, method, url,
      { headers, body: method === 'POST' ? withoutCandidates(body.toString()) : body });
    delete answer.headers['content-length'];
    log.push(`${method} ${url} ${answer.status}`);
    if (answer.status !== 201) return answer;
    const [line, port] = answer.body.match(candidate);
    const relay = await startRelay(s, Number(port));
    relays.push(relay);
    const ours = line.replace(` ${port} `, ` ${relay.port} `);
    return {
      ...answer, body: withoutCandidates(answer.body).replace(/^a=mid:.*\r\n/m, `$&${ours}`),
    };
  }
  const proxy = createServer({ cert, key }, async (asked, reply) => {
    try {
      const body = Buffer.concat(await asked.toArray());
      const answer = await forward(asked, body);
      reply.writeHead(answer.status, answer.headers).end(answer.body);
    } catch {
      reply.destroy();
    }
  });
  proxy.listen(0, host);
  await once(proxy, 'listening');
  s.atEnd(async () => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const cut = () => relays.forEach((relay) => relay.cut());
  return { origin: `https://${host}:${proxy.address().port}`, log, cut };
}
