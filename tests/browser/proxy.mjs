// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/security.md as it stands: its configurations of nginx and HAProxy, and its service.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

import { assertRecording } from './lib/media.mjs';
import { freePort, sourceDirectory } from './lib/process.mjs';
import { pressPublish, untilFramesSent, untilState } from './lib/publish_page.mjs';
import { recipe, recipeBlock } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { authService } from './lib/service.mjs';
import { until, within } from './lib/wait.mjs';

const security = '../security'; // as seen from docs/recipes
const behindProxy = 'webrtcpublishsrc name=pub port=PORT trusted-proxies=127.0.0.1';
const fakeSink = 'pub.video_cam1 ! queue ! fakesink';
const socketPath = '/cam1/webrtc/publish';

function untilListening(port) {
  return until(`port ${port} is open`, () => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  }));
}

/// The page's server in a whole configuration: no daemon, and all its files in `directory`.
async function startNginx(s, directory, { port, to, changes }) {
  const server = await recipeBlock(security, 'nginx', 'nginx', {
    'listen 443': `listen 127.0.0.1:${port}`,
    '/etc/ssl/example.org.pem': 'certificate.pem',
    '/etc/ssl/example.org.key': 'private-key.pem',
    '127.0.0.1:8080': `127.0.0.1:${to}`,
    ...changes,
  });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path temporary;`);
  await writeFile(path.join(directory, 'nginx.conf'), `daemon off; master_process off;
    pid nginx.pid; events {} http { access_log off; ${temporary.join(' ')} ${server} }`);
  return s.program('/usr/sbin/nginx', ['-p', directory, '-e', 'stderr', '-c', 'nginx.conf']);
}

async function startHaproxy(s, directory, { port, to, changes }) {
  const [certificate, key] = await Promise.all(['certificate.pem', 'private-key.pem'].map((name) =>
    readFile(path.join(directory, name))));
  await writeFile(path.join(directory, 'both.pem'), [certificate, key]);
  await writeFile(path.join(directory, 'haproxy.cfg'),
    await recipeBlock(security, 'HAProxy', 'haproxy', {
      'bind :443': `bind 127.0.0.1:${port}`,
      '/etc/haproxy/example.org.pem': 'both.pem',
      '127.0.0.1:8080': `127.0.0.1:${to}`,
      ...changes,
    }));
  return s.program('/usr/sbin/haproxy', ['-db', '-C', directory, '-f', 'haproxy.cfg']);
}

const proxies = { nginx: startNginx, haproxy: startHaproxy };

/// The page's proxy in front of the port `to`: { port, ca }. `changes` are made to what it shows.
async function startProxy(s, kind, to, changes) {
  const directory = await mkdtemp(s.file(`${kind}-`));
  await promisify(execFile)(path.join(sourceDirectory, 'tools/make-certificate'),
    ['--directory', directory]);
  const port = await freePort();
  const program = await proxies[kind](s, directory, { port, to, changes });
  await untilListening(port);
  assert.doesNotMatch(program.output, /warn|alert|emerg/i);
  return { port, ca: await readFile(path.join(directory, 'authority.crt'), 'utf8') };
}

const socketHeaders = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

/// A request to a server, or to a proxy (then it has `ca`): { status, socket }. The socket is there
/// when `headers` asked for one. `from` is the client's own address; other options as node:http's.
function ask({ port, ca }, where, { from, ...options } = {}) {
  const { request } = ca ? https : http;
  const answered = new Promise((resolve, reject) => {
    const asked = request({
      host: 'localhost', family: 4, port, path: where, ca, localAddress: from, ...options,
    });
    asked.on('response', (answer) => {
      answer.resume().on('end', () => resolve({ status: answer.statusCode }));
    });
    asked.on('upgrade', ({ statusCode: status }, socket) => resolve({ status, socket }));
    asked.on('error', reject).end();
  });
  return within(`the answer to ${where}`, answered, 15);
}

/// One client's, who asks on a connection for as long as the other side leaves it open.
function keepingAgent(s) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  s.atEnd(async () => agent.destroy());
  return agent;
}

/// The status of an attempt to publish: 101 lets in.
async function knock(server, where = socketPath, { headers, ...options } = {}) {
  const { status, socket } = await ask(server, where,
    { agent: false, headers: { ...socketHeaders, ...headers }, ...options });
  socket?.destroy();
  return status;
}

/// The page's pipeline records what that browser publishes through the proxy.
async function publishThrough(s, kind, browser, changes) {
  const video = browser === 'firefox' ? { 'queue ! h264parse': 'video/x-vp8 ! queue' } : {};
  const pipeline = await s.pipeline(await recipe(security, 'Behind a proxy', video));
  const proxy = await startProxy(s, kind, pipeline.port, changes);
  assert.equal(await knock(proxy), 401);

  const page = await s.page(browser,
    `https://localhost:${proxy.port}/cam1/publish?token=change-me`, { acceptInsecureCerts: true });
  await pressPublish(page);
  await untilState(page, 'live');
  assert.equal(await page.evaluate(() => globalThis.publisher.socket.url),
    `wss://localhost:${proxy.port}${socketPath}?token=change-me`);
  await untilFramesSent(page, 120);
  await pipeline.interrupt();
  await untilState(page, 'ended');
  assert.deepEqual(pipeline.errors(), []);
  const { video: { frames } } = await assertRecording(s.file('cam1.mkv'));
  assert.ok(frames >= 60, `${frames} of 120 frames are in the file`);
}

for (const kind of Object.keys(proxies)) {
  for (const browser of ['chromium', 'firefox']) {
    scenario(`${kind}_${browser}PublishesOverWss_isRecorded`, (s) =>
      publishThrough(s, kind, browser));
  }

  scenario(`${kind}_clientSendsForwardedFor_itsOwnAddressCounts`, async (s) => {
    const { url, asked } = await authService(s);
    const server = await s.pipeline(`${behindProxy} auth-url=${url} ${fakeSink}`);
    const proxy = await startProxy(s, kind, server.port);
    const addressOf = async (to, headers) => {
      assert.equal(await knock(to, socketPath, { from: '127.0.0.2', headers }), 101);
      return asked.at(-1).ip;
    };
    const forgeries = ['9.9.9.9', '9.9.9.9, 127.0.0.1', ['9.9.9.9', '127.0.0.1'], 'x, ,'];
    for (const forged of forgeries) {
      const headers = { 'X-Forwarded-For': forged };
      assert.equal(await addressOf(proxy, headers), '127.0.0.2', `${forged} to the proxy`);
      assert.equal(await addressOf(server, headers), '127.0.0.2', `${forged} past the proxy`);
    }
    assert.equal(await addressOf(proxy), '127.0.0.2');

    const wary = await s.pipeline(
      `webrtcpublishsrc name=pub port=PORT auth-url=${url} ${fakeSink}`);
    const another = await startProxy(s, kind, wary.port);
    assert.equal(await addressOf(another), '127.0.0.1', 'nobody is trusted: it is the proxy');
  });

  scenario(`${kind}_origin_isComparedWithTheHostThatTheBrowserUsed`, async (s) => {
    const { url, asked } = await authService(s);
    const server = await s.pipeline(`${behindProxy} auth-url=${url} ${fakeSink}`);
    const proxy = await startProxy(s, kind, server.port);
    const own = `https://localhost:${proxy.port}`;
    const foreign = ['https://example.org', 'https://localhost', 'null',
      `https://localhost:${server.port}`, `https://127.0.0.1:${proxy.port}`];
    for (const Origin of foreign) {
      assert.equal(await knock(proxy, socketPath, { headers: { Origin } }), 403, Origin);
    }
    assert.deepEqual(asked, []);
    assert.equal(await knock(proxy, socketPath, { headers: { Origin: own } }), 101);
    assert.equal(asked[0].host, `localhost:${proxy.port}`);
  });

  scenario(`${kind}_oneClientAsksTooOften_othersAreServed`, async (s) => {
    const server = await s.pipeline(`${behindProxy} max-requests-per-second=1 ${fakeSink}`);
    const proxy = await startProxy(s, kind, server.port);
    const client = (from) => {
      const agent = keepingAgent(s);
      const headers = { 'X-Forwarded-For': '9.9.9.9' };
      return async () => (await ask(proxy, '/', { agent, from, headers })).status;
    };
    const [hasty, patient] = [client('127.0.0.2'), client('127.0.0.3')];
    for (let i = 0; i < 5; i++) assert.deepEqual([await hasty(), await patient()], [200, 200]);
    await until('it is refused', async () => await hasty() === 429, { every: 0 });
    assert.equal(await patient(), 200);
  });

  scenario(`${kind}_clientsKeepTheirConnections_noRequestIsLost`, async (s) => {
    const server = await s.pipeline(`${behindProxy} max-requests-per-second=0 ${fakeSink}`);
    const proxy = await startProxy(s, kind, server.port);
    const answers = await Promise.all(Array.from({ length: 8 }, async () => {
      const agent = keepingAgent(s);
      const statuses = [];
      for (let i = 0; i < 50; i++) {
        const answer = ask(proxy, '/', { agent }).then(({ status }) => status, ({ code }) => code);
        statuses.push(await answer);
      }
      return statuses;
    }));
    assert.deepEqual(answers.flat().filter((status) => status !== 200), []);
  });
}

// HAProxy from 2.8 on offers HTTP/2 without being told, and takes a WebSocket over it (RFC 8441).
scenario('haproxy_chromiumPublishesOverHttp2_isRecorded', (s) =>
  publishThrough(s, 'haproxy', 'chromium', { ' ssl crt': ' ssl alpn h2,http/1.1 crt' }));

/// How many pings came when there were `wanted`, or when the socket was closed. Each is answered.
function countPings(socket, wanted) {
  let count = 0;
  return new Promise((resolve) => {
    socket.on('close', () => resolve(count)).on('end', () => resolve(count));
    socket.on('data', (frame) => {
      // A frame alone. The answer is its payload, masked with zeros (RFC 6455, section 5.2).
      if (frame[0] !== 0x89 || frame.length !== 2 + frame[1]) return resolve('no ping');
      socket.write(Buffer.of(0x8a, 0x80 | frame[1], 0, 0, 0, 0, ...frame.subarray(2)));
      return ++count === wanted && resolve(count);
    });
  }).finally(() => socket.destroy());
}

/// The idle time-outs of the page's proxies, other than it shows them.
const timeouts = {
  nginx: (seconds) => ({
    'proxy_http_version 1.1;': `proxy_http_version 1.1; proxy_read_timeout ${seconds};`,
  }),
  haproxy: (seconds) => ({
    'timeout client 30s': `timeout client ${seconds}`,
    'timeout server 30s': `timeout server ${seconds}`,
  }),
};

scenario('proxy_socketIsIdle_pingsKeepItOpen', async (s) => {
  const server = await s.pipeline(`${behindProxy} negotiation-timeout=600000 ${fakeSink}`);
  const pings = async (kind, timeout) => {
    const proxy = await startProxy(s, kind, server.port, timeouts[kind](timeout));
    const { status, socket } = await ask(proxy, socketPath, { headers: socketHeaders });
    assert.equal(status, 101);
    return countPings(socket, 2);
  };
  const counts = [];
  for (const kind of Object.keys(proxies)) {
    for (const timeout of ['5s', '30s']) counts.push(pings(kind, timeout));
  }
  assert.deepEqual(await Promise.all(counts), [0, 2, 0, 2]);
});

scenario('security_serviceOfThePage_letsInByToken', async (s) => {
  const port = await freePort();
  await writeFile(s.file('service.py'), await recipeBlock(security, 'auth-url', 'python',
    { 9000: port }));
  const service = s.program('/usr/bin/python3', ['service.py']);
  await untilListening(port);
  const pipeline = await s.pipeline(
    `webrtcpublishsrc name=pub port=PORT auth-url=http://127.0.0.1:${port}/`);
  for (const [where, status] of [
    ['/cam1/webrtc/publish', 401],
    ['/cam1/webrtc/publish?token=other', 401],
    ['/cam2/webrtc/publish?token=other', 101],
    ['/cam3/webrtc/publish?token=other', 404],
  ]) assert.equal(await knock(pipeline, where), status, where);

  const page = await s.page('chromium',
    `http://localhost:${pipeline.port}/cam1/publish?token=s3cret`);
  await pressPublish(page);
  await untilState(page, 'live');
  assert.doesNotMatch(service.output, /Traceback|s3cret/);
});
