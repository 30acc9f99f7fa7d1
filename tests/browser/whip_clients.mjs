// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP clients that others wrote, as npm has them: three in pages of another origin, one in Node.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { assertRecording, probe } from './lib/media.mjs';
import { startNat } from './lib/nat.mjs';
import { publishFromNode } from './lib/node_client.mjs';
import { servePackages } from './lib/npm.mjs';
import { sourceDirectory } from './lib/process.mjs';
import { Publication } from './lib/publication.mjs';
import { encodedVideo, messages, recorder, untilRemoved } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { interruption } from './lib/timeline.mjs';
import { until } from './lib/wait.mjs';

/// Records cam1, and runs on when the recording has ended.
function start(s, properties, { video = encodedVideo.chromium, ...options } = {}) {
  return s.pipeline(`webrtcpublishsrc name=pub port=PORT ${properties}
    ${recorder('cam1', video)} audiotestsrc is-live=true ! fakesink`, options);
}

/// Run in the page, as the packages' READMEs say: { pc, stop }, and what else is of use.
const clients = {
  async eyevinn(endpoint, authkey) {
    const { default: { WHIPClient } } =
      await import(`${location.origin}/package/@eyevinn/whip-web-client`);
    const client = new WHIPClient({ endpoint, opts: { authkey, iceServers: [] } });
    await client.ingest(await navigator.mediaDevices.getUserMedia({ video: true, audio: true }));
    return { pc: client.peer, stop: () => client.destroy() };
  },

  async medooze(endpoint, token) {
    const { WHIPClient } = await import(`${location.origin}/file/whip-whep/whip.js`);
    const client = new WHIPClient();
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    const media = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
    for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
    await client.publish(pc, endpoint, token);
    return { pc, stop: () => client.stop(), restart: () => client.restart() };
  },

  /// It knows "streaming" alone as an answer: of a refusal it says nothing.
  async flussonic(stream, token) {
    const { default: { Publisher, PUBLISHER_EVENTS } } =
      await import(`${location.origin}/package/@flussonic/flussonic-webrtc-player`);
    const publisher = new Publisher(stream, {
      constraints: { video: true, audio: true }, statsSendTime: 1,
      authTokenName: 'token', tokenValue: token, password: 'unused',
    });
    const streaming = new Promise((resolve) => {
      publisher.on(PUBLISHER_EVENTS.STREAMING, resolve);
    });
    publisher.start();
    await streaming;
    return { pc: publisher.peerConnection, stop: () => publisher.stop(), publisher };
  },
};

/// Publishes with one of `clients` from a page of `origin`: { publication, client, traffic }.
/// `traffic` grows with each answer that the page gets from elsewhere: "METHOD status".
async function publish(s, browser, origin, name, ...args) {
  const page = await s.page(browser, origin, { acceptInsecureCerts: true });
  const traffic = [];
  page.on('response', (answer) => {
    const method = answer.request().method();
    if (method !== 'OPTIONS' && !answer.url().startsWith(origin))
      traffic.push(`${method} ${answer.status()}`);
  });
  const client = await page.evaluateHandle(clients[name], ...args);
  const publication = await Publication.watch(page, await client.getProperty('pc'));
  await publication.untilConnected();
  return { publication, client, traffic };
}

/// Matroska's header has a length once the end is written. The pipeline runs on.
async function untilComplete(s, pipeline) {
  const file = s.file('cam1.mkv');
  await until('the recording is complete', () => probe(file, '-show_format').then(
    ({ format }) => Number(format.duration) > 0, () => false));
  assert.deepEqual([pipeline.exit, pipeline.errors()], [null, []]);
  return assertRecording(file);
}

/// `sent`: a report of the client's, made before the end.
async function assertRecorded(s, pipeline, sent) {
  const { video } = await untilComplete(s, pipeline);
  const frames = sent.video.frames - (sent.atConnection.video?.frames ?? 0);
  assert.ok(video.frames >= 0.95 * frames,
    `${video.frames} of ${frames} sent frames are in the file`);
}

const goodbye = 'the publisher said goodbye';

// The endpoint's OPTIONS has no PATCH, so that the first does not trickle.
const requests = {
  eyevinn: /^POST 201,DELETE 200$/,
  medooze: /^POST 201(,PATCH 204)+,DELETE 200$/,
};

for (const [name, browser] of [
  ['eyevinn', 'chromium'], ['medooze', 'chromium'], ['medooze', 'firefox']]) {
  scenario(`whipClients_${name}In_${browser}_isRecordedUntilItsGoodbye`, async (s) => {
    const origin = await servePackages(s);
    const pipeline = await start(s, `token=sesame allowed-origins=${origin}`,
      { video: encodedVideo[browser] });
    const { publication, client, traffic } = await publish(s, browser, origin, name,
      `http://127.0.0.1:${pipeline.port}/cam1/whip`, 'sesame');
    await publication.untilMediaSent(5);
    const sent = await publication.reportAndMore();
    await client.evaluate(({ stop }) => stop());
    assert.equal(await untilRemoved(pipeline), goodbye);
    assert.match(traffic.join(), requests[name]);
    await assertRecorded(s, pipeline, sent);
  });
}

scenario('whipClients_medoozeRestartsIce_publicationGoesOn', async (s) => {
  const origin = await servePackages(s);
  // It writes a restart's candidates down wrongly when there are several.
  const pipeline = await start(s, `local-addresses=127.0.0.1 ice-tcp=false
    allowed-origins=${origin}`);
  const { publication, client, traffic } = await publish(s, 'chromium', origin, 'medooze',
    `http://127.0.0.1:${pipeline.port}/cam1/whip`);
  await publication.untilMore('video', 30);
  const before = await publication.report();
  await client.evaluate(({ restart }) => restart());
  await publication.until('media take another path', ({ path }) => path && path !== before.path);
  await publication.untilMore('video', 60);
  assert.match(traffic.join(), /^POST 201(,PATCH 204)*,PATCH 200(,PATCH 204)*$/);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 1);
  assert.equal(messages(pipeline, 'webrtc-publisher-removed'), 0);
});

scenario('whipClients_weriftInNode_isRecordedUntilItsGoodbye', async (s) => {
  const pipeline = await start(s, 'token=sesame', { video: encodedVideo.vp8 });
  const client =
    await publishFromNode(s, `http://127.0.0.1:${pipeline.port}/cam1/whip`, 'sesame');
  await until('5 s are sent', () => client.frames() >= 150, { detail: client.frames });
  await client.stop();
  assert.equal(await untilRemoved(pipeline), goodbye);
  const { video, audio } = await untilComplete(s, pipeline);
  assert.deepEqual([video.codec, video.width, video.height], ['vp8', 320, 240]);
  // Until the server lets it in and the next key frame comes, a second may be lost.
  assert.ok(video.frames >= 115, `${video.frames} of 150 frames are in the file`);
  assert.ok(audio.lastPts - audio.firstPts >= 3.5, JSON.stringify(audio));
});

// Flussonic's browser client. It posts to https alone, sends statistics, and never deletes.

/// Publishes with it through a network that can be cut: what publish() gives, pipeline, nat.
async function startFlussonic(s, properties = '') {
  const origin = await servePackages(s);
  await promisify(execFile)(path.join(sourceDirectory, 'tools/make-certificate'), [],
    { cwd: s.directory });
  const [ca, cert, key] = await Promise.all(['authority.crt', 'certificate.pem', 'private-key.pem']
    .map((name) => readFile(s.file(name), 'utf8')));
  const pipeline = await start(s, `certificate-file=certificate.pem token=sesame
    private-key-file=private-key.pem allowed-origins=${origin} ${properties}`, { ca });
  const nat = await startNat(s, pipeline, { cert, key });
  const published =
    await publish(s, 'chromium', origin, 'flussonic', `${nat.origin}/cam1`, 'sesame');
  assert.match(nat.log.join(), /POST \/cam1\/whip\?token=sesame&password=unused 201/);
  return { pipeline, nat, ...published };
}

scenario('whipClients_flussonicStops_isALossAfterWhichTheRecordingEnds', async (s) => {
  const { pipeline, publication, client, traffic } = await startFlussonic(s);
  await publication.untilMediaSent(5);
  const sent = await publication.reportAndMore();
  await client.evaluate(({ stop }) => stop());
  assert.match(await untilRemoved(pipeline), /closed by the publisher \(DTLS\)/);
  // Its last statistics come after that.
  assert.match(traffic.join(), /^POST 201(,PUT 204){3,}(,PUT 404)?$/);
  await assertRecorded(s, pipeline, sent);
});

scenario('whipClients_flussonicLosesItsNetwork_silenceEndsTheRecording', async (s) => {
  const { pipeline, nat, publication } = await startFlussonic(s, 'inactivity-timeout=5000');
  await publication.untilMediaSent(2);
  const sent = await publication.reportAndMore();
  nat.cut();
  assert.equal(await untilRemoved(pipeline), 'no media for 5 s');
  await assertRecorded(s, pipeline, sent);
});

const recoveries = {
  // As an application may.
  Restarts: ({ publisher }) => publisher.restart(),
  // As it does itself when ICE has failed; Chromium leaves that at "disconnected" for minutes.
  RestartsIce: ({ pc }) => pc.restartIce(),
};

for (const [name, recover] of Object.entries(recoveries)) {
  scenario(`whipClients_flussonic${name}AfterALoss_takesOverFromItself`, async (s) => {
    const { pipeline, nat, publication, client } =
      await startFlussonic(s, 'inactivity-timeout=120000');
    await publication.untilMore('video', 60);
    nat.cut();
    await client.evaluate(recover);
    assert.match(await untilRemoved(pipeline), /another publisher has taken over/);
    const pc = await client.evaluateHandle(({ publisher }) => publisher.peerConnection);
    const next = await Publication.watch(publication.page, pc);
    await next.untilMore('video', 90);
    assert.deepEqual(['added', 'removed'].map((what) =>
      messages(pipeline, `webrtc-publisher-${what}`)), [2, 1]);
    await pipeline.interrupt();
    await assertRecording(s.file('cam1.mkv'));
    const { counts } = await interruption(s.file('cam1.mkv'), 30);
    assert.ok(counts.every((frames) => frames >= 30), `frames before and after: ${counts}`);
  });
}
