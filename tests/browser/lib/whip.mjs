// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHIP client for tests: requests, also wrong ones, SDP and fragments, a page that publishes.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import path from 'node:path';

import { sourceDirectory } from './process.mjs';
import { until, within } from './wait.mjs';

export const sdpType = 'application/sdp';
export const fragmentType = 'application/trickle-ice-sdpfrag';
const patience = 20; // seconds for one answer

export const takeVideo = 'pub.video_cam ! queue ! fakesink';
export const takeBoth = `${takeVideo} pub.audio_cam ! queue ! fakesink`;
/// Into files of the tracks' names, see untilMoreReceived().
export const takeFiles = ['video', 'audio'].map((kind) => `pub.${kind}_cam ! queue
  ! filesink location=${kind} buffer-mode=unbuffered async=false`).join(' ');

/// Nobody publishes to the pad "spare": without it, gst-launch ends with the only publisher. A
/// session that nobody connects lasts as long as the test, unless `properties` say otherwise.
export const startWhip = (s, properties = '', pads = takeBoth) =>
  s.pipeline(`webrtcpublishsrc name=pub port=PORT negotiation-timeout=600000 ${properties} ${pads}
    pub.video_spare ! queue ! fakesink`);

/// For tests of the checks that the server makes: the agent of our own answers checks, and makes one
/// in return.
export const withChecks = 'ice-agent=libnice';

/// As many more bytes of both tracks came out of the pipeline as a second of them has at least.
export async function untilMoreReceived(s) {
  const sizes = () => Promise.all(['video', 'audio'].map(async (name) =>
    (await stat(s.file(name)).catch(() => ({ size: 0 }))).size));
  const before = await sizes();
  await until('media come out of both pads', async () =>
    (await sizes()).every((size, i) => size >= before[i] + 1000), { detail: sizes });
}

/// What a browser offered, by its name in the fuzzer's corpus: "chromium-sendonly".
export function browserOffer(name) {
  return readFile(path.join(sourceDirectory, 'tests/fuzz/corpus/offer', `${name}.sdp`), 'utf8');
}

/// One request on a connection of its own: { status, headers, body }. `server` is a Pipeline.
/// `body`: a string, or an array whose parts are sent as chunks. A failure has node's `code`.
export function ask(server, method, where, { body, headers, from } = {}) {
  const { request } = server.ca ? https : http;
  const answered = new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1', port: server.port, ca: server.ca, agent: false, localAddress: from,
      method, path: where, headers,
    });
    asked.on('response', (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part)).on('error', reject);
      answer.on('end', () => resolve({
        status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString(),
      }));
    });
    asked.on('error', reject);
    if (Array.isArray(body)) for (const part of body) asked.write(part);
    asked.end(Array.isArray(body) ? undefined : body);
  });
  return within(`the answer to ${method} ${where}`, answered, patience);
}

/// Sends that text as it stands. `then`: "wait" for the answer, "end" the sending side first, or
/// "cut" the connection without reading. { status, headers, body, text }, all that came.
export async function askRaw({ port }, text, then = 'wait') {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const parts = [];
  socket.on('data', (part) => parts.push(part)).on('error', () => {});
  try {
    await within('the connection', once(socket, 'connect'), patience);
    const written = new Promise((resolve) => { socket.write(text, resolve); });
    if (then === 'cut') return void await written;
    if (then === 'end') socket.end();
    await within('the end of the answer', new Promise((resolve) => {
      socket.on('end', resolve).on('close', resolve);
    }), patience);
  } finally {
    socket.destroy();
  }
  return readAnswer(Buffer.concat(parts).toString());
}

function readAnswer(text) {
  const [head, ...rest] = text.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  return {
    status: Number(first.match(/^HTTP\/1\.[01] (\d{3}) /)?.[1] ?? 0),
    headers: Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    })),
    body: rest.join('\r\n\r\n'),
    text,
  };
}

/// A POST to the stream's endpoint. A 201 has, beside what ask() gives, `url` (the session's path)
/// and `etag`. `type: null` sends no Content-Type.
export async function post(server, stream, body, {
  type = sdpType, headers = {}, query = '', ...options
} = {}) {
  const answer = await ask(server, 'POST', `/${stream}/whip${query}`, {
    body, headers: { ...type && { 'Content-Type': type }, ...headers }, ...options,
  });
  const { location, etag } = answer.headers;
  return { ...answer, url: location, etag };
}

/// A session of that offer, which has to be accepted: what post() gives, and the offer.
export async function openSession(server, {
  offer: name = 'chromium-sendonly', stream = 'cam', ...options
} = {}) {
  const offer = await browserOffer(name);
  const answer = await post(server, stream, offer, options);
  assert.equal(answer.status, 201, `${name}: ${answer.body}`);
  return { ...answer, offer };
}

export const statusOf = async (server, url, method = 'GET') =>
  (await ask(server, method, url)).status;

/// A PATCH of a session; `etag: null` sends no If-Match, `type: null` no Content-Type.
export function patch(server, url, body, { etag, type = fragmentType, headers = {} } = {}) {
  return ask(server, 'PATCH', url, {
    body,
    headers: {
      ...type && { 'Content-Type': type }, ...etag && { 'If-Match': etag }, ...headers,
    },
  });
}

class Lines {
  constructor(lines) {
    this.lines = lines;
  }

  /// The values of a=NAME, "" for one without a value.
  all(name) {
    return this.lines.filter((line) => line === `a=${name}` || line.startsWith(`a=${name}:`))
      .map((line) => line.slice(name.length + 3));
  }

  get(name) {
    return this.all(name)[0];
  }
}

/// { session, media } of an SDP or a fragment; each has all(name) and get(name) for attributes, a
/// section also { kind, port, protocol, formats }.
export function readSdp(text) {
  const [session, ...sections] = `\n${text.trimEnd()}`.split(/\r?\n(?=m=)/).map((part) =>
    part.split(/\r?\n/));
  return {
    session: new Lines(session),
    media: sections.map((lines) => {
      const [kind, port, protocol, ...formats] = lines[0].slice(2).split(' ');
      return Object.assign(new Lines(lines), { kind, port: Number(port), protocol, formats });
    }),
  };
}

/// The credentials of an offer or of a fragment.
export function credentials(sdp) {
  const { session, media } = readSdp(sdp);
  const value = (name) => session.get(name) ?? media[0].get(name);
  return { ufrag: value('ice-ufrag'), pwd: value('ice-pwd') };
}

export const newCredentials = (ufrag) => ({ ufrag, pwd: `${ufrag}0123456789012345678901` });

/// A host candidate as browsers write it.
export const candidateAt = (port, address = '127.0.0.1', transport = 'udp') =>
  `candidate:1387637174 1 ${transport} 2122260223 ${address} ${port} typ host generation 0`;

/// A fragment for the offer's first section (RFC 8840, section 9). `more`: lines at its end.
export function fragment(offer, { candidates = [], more = [], ...other } = {}) {
  const { media: [first] } = readSdp(offer);
  const { ufrag, pwd } = { ...credentials(offer), ...other };
  return [
    `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`,
    `m=${first.kind} 9 ${first.protocol} ${first.formats[0]}`, `a=mid:${first.get('mid')}`,
    ...candidates.map((candidate) => `a=${candidate}`), ...more, '',
  ].join('\r\n');
}

/// A UDP port that notes the users of the ICE checks that come in: "theirs:ours", each once.
export async function checkedPort(s) {
  const socket = createSocket('udp4');
  const users = new Set();
  s.atEnd(async () => socket.close());
  socket.on('message', (packet) => {
    // RFC 8489: a Binding request, its magic cookie, and the attribute USERNAME.
    if (packet.length < 20 || packet.readUInt16BE(0) !== 1
      || packet.readUInt32BE(4) !== 0x2112a442) return;
    for (let at = 20; at + 4 <= packet.length;) {
      const length = packet.readUInt16BE(at + 2);
      const value = packet.subarray(at + 4, at + 4 + length);
      if (packet.readUInt16BE(at) === 6) users.add(value.toString());
      at += 4 + ((length + 3) & ~3);
    }
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, users };
}

/// Runs in the page, where it defines `WhipTest`.
function defineClient() {
  globalThis.WhipTest = class WhipTest {
    static async start(endpoint, {
      headers = {}, trickle = false, hold = false, video = true, audio = true,
    }) {
      const client = new WhipTest();
      client.endpoint = new URL(endpoint, location.href).href;
      client.media = await navigator.mediaDevices.getUserMedia({ video, audio });
      const pc = client.pc = new RTCPeerConnection();
      client.senders = client.media.getTracks().map((track) => pc.addTransceiver(track, {
        direction: 'sendonly', streams: [client.media],
      }).sender);
      await pc.setLocalDescription();
      const early = pc.localDescription.sdp
        .replaceAll(/^a=candidate:.*\r\n/mg, '');
      const gathered = client.#gathered();
      if (!trickle) await gathered;
      client.answer = await WhipTest.#ask(client.endpoint, 'POST', {
        'Content-Type': 'application/sdp', ...headers,
      }, trickle ? early : pc.localDescription.sdp);
      const { status, headers: { location: session, etag } } = client.answer;
      if (status !== 201) return client;
      client.session = new URL(session, client.endpoint).href;
      client.etag = etag;
      if (!hold) await client.accept();
      await gathered;
      if (trickle) client.patched = await client.#patch(client.etag);
      return client;
    }

    accept() {
      return this.pc.setRemoteDescription({ type: 'answer', sdp: this.answer.body });
    }

    static async #ask(url, method, headers, body) {
      const answer = await fetch(url, { method, headers, body });
      return {
        status: answer.status, headers: Object.fromEntries(answer.headers),
        body: await answer.text(),
      };
    }

    #gathered() {
      const { pc } = this;
      return new Promise((resolve) => {
        const look = () => pc.iceGatheringState === 'complete' && resolve();
        pc.addEventListener('icegatheringstatechange', look);
        look();
      });
    }

    /// What was gathered, and the credentials that go with it.
    #patch(etag) {
      const lines = this.pc.localDescription.sdp.split('\r\n');
      const [first, second = lines.length] = lines.flatMap((line, at) =>
        line.startsWith('m=') ? [at] : []);
      const body = lines.slice(first, second).filter((line) =>
        /^(m=|a=(mid|ice-ufrag|ice-pwd|candidate|end-of-candidates)\b)/.test(line));
      return WhipTest.#ask(this.session, 'PATCH', {
        'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': etag,
      }, [...body, 'a=end-of-candidates', ''].join('\r\n'));
    }

    /// An ICE restart: the fragment of the answer takes the place of what the last answer had.
    async restart(etag) {
      const { pc } = this;
      const before = pc.remoteDescription.sdp;
      pc.restartIce();
      await pc.setLocalDescription();
      await this.#gathered();
      const answer = await this.#patch(etag);
      if (answer.status !== 200) return answer;
      this.etag = answer.headers.etag;
      const value = (name) => answer.body.match(new RegExp(`^a=${name}:(.*?)\r?$`, 'm'))[1];
      const candidates = answer.body.match(/^a=candidate:.*$/gm) ?? [];
      let written = false;
      const lines = before.split('\r\n').flatMap((line) => {
        if (/^a=(candidate|end-of-candidates)\b/.test(line)) return [];
        if (line.startsWith('a=ice-ufrag:')) return [`a=ice-ufrag:${value('ice-ufrag')}`];
        if (!line.startsWith('a=ice-pwd:')) return [line];
        const password = `a=ice-pwd:${value('ice-pwd')}`;
        if (written) return [password];
        written = true;
        return [password, ...candidates.map((text) => text.trimEnd())];
      });
      await pc.setRemoteDescription({ type: 'answer', sdp: lines.join('\r\n') });
      return answer;
    }

    async report() {
      const { pc, answer, patched, session, etag } = this;
      const report = {
        answer, patched, session, etag, offer: pc.localDescription.sdp, frames: 0, packets: 0,
        connection: pc.connectionState, ice: pc.iceConnectionState,
        dtls: this.senders[0].transport?.state,
      };
      const stats = await pc.getStats();
      for (const entry of stats.values()) {
        if (entry.type === 'outbound-rtp' && entry.kind === 'video')
          report.frames = entry.framesSent ?? 0;
        if (entry.type === 'outbound-rtp' && entry.kind === 'audio')
          report.packets = entry.packetsSent;
        if (entry.type !== 'transport') continue;
        report.path = entry.selectedCandidatePairId;
        const { localCandidateId, remoteCandidateId } = stats.get(report.path) ?? {};
        report.ends = { local: stats.get(localCandidateId), remote: stats.get(remoteCandidateId) };
        report.received = entry.bytesReceived;
        report.transports = (report.transports ?? 0) + 1;
      }
      return report;
    }

    /// ICE and DTLS stay, the media stop.
    async sendNothing() {
      for (const sender of this.senders) await sender.replaceTrack(null);
    }

    close() {
      this.pc.close();
    }
  };
}

/// One connection of a page that publishes with WHIP, seen from the test.
export class WhipPublication {
  constructor(page, number) {
    this.page = page;
    this.number = number;
  }

  /// `endpoint` may be relative to the page. Options: `headers` of the POST, `trickle` (candidates
  /// go into a PATCH), `hold` (the answer is not used before accept()), `video` and `audio` as
  /// getUserMedia's.
  static async start(page, endpoint, options = {}) {
    await page.evaluate(defineClient);
    const number = await page.evaluate(async (url, opts) => {
      const client = await globalThis.WhipTest.start(url, opts);
      globalThis.whipClients ??= [];
      return globalThis.whipClients.push(client) - 1;
    }, endpoint, options);
    return new WhipPublication(page, number);
  }

  call(method, ...args) {
    return this.page.evaluate((number, name, list) => globalThis.whipClients[number][name](...list),
      this.number, method, args);
  }

  report() {
    return this.call('report');
  }

  async until(what, test, { seconds = 40 } = {}) {
    let last;
    return until(what, async () => {
      last = await this.report();
      return test(last) && last;
    }, { seconds, detail: () => ({ ...last, offer: undefined }) });
  }

  untilConnected() {
    return this.until('the page is connected', ({ connection }) => connection === 'connected');
  }

  /// So many more frames and packets than now were sent; gives the report.
  async untilMore(frames, packets = frames) {
    const before = await this.report();
    return this.until(`${frames} more frames and ${packets} more packets were sent`, (now) =>
      now.frames >= before.frames + frames && now.packets >= before.packets + packets);
  }
}

/// Publishes `stream` with WHIP from a page of the server in that browser, until both sides know
/// that it is connected. The server's is the later one.
export async function publishWhip(s, kind, server, stream, options) {
  const added = () => server.output.split(' (element): webrtc-publisher-added,').length;
  const before = added();
  const page = await s.page(kind, `http://127.0.0.1:${server.port}/${stream}/publish`);
  const publication = await WhipPublication.start(page, `/${stream}/whip`, options);
  await publication.untilConnected();
  await until('the server has let it in', () => added() > before);
  return publication;
}

/// Waits until the session is gone.
export function untilGone(server, url, seconds) {
  return until('the session is gone', async () => await statusOf(server, url) === 404,
    { seconds, every: 300 });
}

/// The same of a publisher; gives the reason that the bus tells once it is torn down.
export async function untilEnded(server, url, seconds) {
  await untilGone(server, url, seconds);
  const [, reason] = await server.untilOutput('the end is on the bus',
    /webrtc-publisher-removed,.* reason=\(string\)(.*);/);
  return reason.replace(/\\(.)/g, '$1');
}
