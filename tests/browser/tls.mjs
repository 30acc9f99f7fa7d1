// SPDX-License-Identifier: LGPL-2.1-or-later
// https and wss: the page and the signalling over TLS, certificates that are renewed or wrong.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile, unlink } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';

import { assertRecording } from './lib/media.mjs';
import { sourceDirectory } from './lib/process.mjs';
import { encodedVideo, inBoth, recorder } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { until, within } from './lib/wait.mjs';

const run = promisify(execFile);
const files = 'certificate-file=certificate.pem private-key-file=private-key.pem';
const source = `webrtcpublishsrc name=pub port=PORT ${files}`;
const insecure = { scheme: 'https', browser: { acceptInsecureCerts: true } };

/// As a user makes one, in the place of one that is there; gives the authority that vouches for it.
async function makeCertificate(s, directory = '.') {
  await run(path.join(sourceDirectory, 'tools/make-certificate'),
    ['--force', '--directory', directory], { cwd: s.directory });
  return readFile(s.file(`${directory}/authority.crt`), 'utf8');
}

async function secureServer(s) {
  const ca = await makeCertificate(s);
  return s.pipeline(`${source} pub.video_cam ! fakesink`, { ca });
}

inBoth('tls_browserPublishesOverWss_isRecorded', async (s, browser) => {
  const ca = await makeCertificate(s, browser);
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    certificate-file=${browser}/certificate.pem private-key-file=${browser}/private-key.pem
    ${recorder(browser, encodedVideo[browser])}`, { ca });
  const publication = await s.publish(browser, pipeline.port, browser, insecure);
  assert.deepEqual(
    await publication.page.evaluate(() => [location.protocol, globalThis.clients[0].socket.url]),
    ['https:', `wss://127.0.0.1:${pipeline.port}/${browser}/webrtc/publish`]);
  await publication.untilMediaSent(4);
  await pipeline.interrupt();
  assert.deepEqual(pipeline.errors(), []);
  const { video } = await assertRecording(s.file(`${browser}.mkv`));
  assert.ok(video.frames >= 80, `${video.frames} frames in 4 s`);
});

scenario('tls_publishPage_isLiveOverWss', async (s) => {
  const pipeline = await secureServer(s);
  const page = await s.page('chromium', `https://localhost:${pipeline.port}/cam/publish`,
    insecure.browser);
  const state = () => page.$eval('#status', ({ dataset }) => dataset.state);
  await until('the page is ready', () => page.$eval('#publish', ({ disabled }) => !disabled));
  await page.click('#publish');
  await until('the page is live', async () => await state() === 'live', { detail: state });
});

scenario('tls_certificateIsRenewed_publisherGoesOnAndNewConnectionsSeeIt', async (s) => {
  const ca = await makeCertificate(s);
  const pipeline = await s.pipeline(`${source} ${recorder('cam', encodedVideo.chromium)}`, { ca });
  const publication = await s.publish('chromium', pipeline.port, 'cam', insecure);
  await publication.untilMediaSent(1);
  const before = (await pipeline.shakeHands()).certificate.fingerprint256;

  pipeline.ca = await makeCertificate(s);
  const after = await until('the new certificate is there', () =>
    pipeline.shakeHands().then(({ certificate }) => certificate.fingerprint256, () => false));
  assert.notEqual(after, before);
  const { stdout } = await run('openssl', ['x509', '-in', s.file('certificate.pem'), '-noout',
    '-fingerprint', '-sha256']);
  assert.equal(stdout.trim().split('=')[1], after);

  await publication.untilMore('video', 60);
  const { video: sent, closed } = await publication.report();
  assert.equal(closed, null, 'the publisher was cut off');
  const another = await s.publish('chromium', pipeline.port, 'cam', insecure);
  assert.equal((await another.untilRefused()).code, 4409, 'it is the same publisher still');
  await pipeline.interrupt();
  const { video } = await assertRecording(s.file('cam.mkv'));
  assert.ok(video.frames >= 0.95 * sent.frames, `${video.frames} of ${sent.frames} frames`);
});

scenario('tls_certificateBecomesUnusable_lastOneStaysAndAWarningSaysWhy', async (s) => {
  const pipeline = await secureServer(s);
  const before = (await pipeline.shakeHands()).certificate.fingerprint256;
  await unlink(s.file('private-key.pem'));
  await pipeline.untilOutput('the warning',
    /WARN.*private-key-file private-key\.pem: No such file/);
  assert.equal((await pipeline.shakeHands()).certificate.fingerprint256, before);
  await pipeline.interrupt();
});

const wrongFiles = [
  ['certificate-file=none.pem', 'certificate-file none.pem: No such file or directory'],
  ['certificate-file=certificate.pem',
    'certificate-file certificate.pem: it holds no private key in PEM format; set ' +
    'private-key-file'],
  ['certificate-file=certificate.pem private-key-file=none.pem',
    'private-key-file none.pem: No such file or directory'],
  ['certificate-file=certificate.pem private-key-file=other.pem',
    'private-key-file other.pem: the private key does not belong to the first certificate of ' +
    'certificate.pem'],
  ['private-key-file=private-key.pem',
    'private-key-file is set, certificate-file is not; expected both'],
];

scenario('tls_filesAreWrong_pipelineStopsAndNamesFileAndReason', async (s) => {
  await makeCertificate(s);
  await copyFile(s.file('private-key.pem'), s.file('other.pem'));
  await makeCertificate(s);
  for (const [properties, reason] of wrongFiles) {
    const program = s.program('gst-launch-1.0',
      ['webrtcpublishsrc', 'port=0', ...properties.split(' ')]);
    const { code } = await within('the end', program.exited, 60);
    assert.notEqual(code, 0, properties);
    const error = program.output.match(/^ERROR: from element .*$/m)?.[0] ?? program.output;
    assert.ok(error.includes(reason), `${properties}: ${error}`);
    assert.ok(!program.output.includes('PRIVATE KEY'));
  }
});

/// As an old client, which would take weak ciphers, too.
const version = (name) => ({
  minVersion: name, maxVersion: name, ciphers: 'DEFAULT:@SECLEVEL=0',
});

/// What a server of Node's that speaks every version agrees on with this client.
async function agreedWithAnyServer(s, pipeline, options) {
  const [cert, key] = await Promise.all(['certificate.pem', 'private-key.pem'].map((name) =>
    readFile(s.file(name))));
  const server = createServer({
    cert, key, ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.3',
  });
  s.atEnd(async () => server.close());
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return (await pipeline.shakeHands({ ...options, port: server.address().port })).protocol;
}

scenario('tls_oldVersions_areRefused', async (s) => {
  const pipeline = await secureServer(s);
  for (const name of ['TLSv1', 'TLSv1.1']) {
    const options = version(name);
    assert.equal(await agreedWithAnyServer(s, pipeline, options), name, 'the client cannot do it');
    await assert.rejects(pipeline.shakeHands(options), { code: /PROTOCOL_VERSION|ECONNRESET/ },
      `${name} was taken`);
  }
  for (const name of ['TLSv1.2', 'TLSv1.3']) {
    assert.equal((await pipeline.shakeHands(version(name))).protocol, name);
  }
});

scenario('tls_plainHttp_isToldWhatThePortSpeaks', async (s) => {
  const pipeline = await secureServer(s);
  const [status, body] = await new Promise((resolve, reject) => {
    request(`http://127.0.0.1:${pipeline.port}/`, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => { text += part; });
      answer.on('end', () => resolve([answer.statusCode, text]));
    }).on('error', reject).end();
  });
  assert.equal(status, 400);
  assert.match(body, /https/);
});
