// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/recipes/forward.md: what arrives at the other end, from two publishers of different size.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';

import { assertRecording, frameSizes, probe } from './lib/media.mjs';
import { freePort, sourceDirectory } from './lib/process.mjs';
import { Publication } from './lib/publication.mjs';
import { recipe, recipeBlock } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { until, within } from './lib/wait.mjs';

// The one word of srtsink when a player has connected.
process.env.GST_DEBUG = `${process.env.GST_DEBUG ?? 2},srtobject:5`;

const large = { video: { width: 640, height: 480 } };
const small = { video: { width: 320, height: 240 } };

function untilSent(publication, seconds) {
  return publication.until(`${seconds} s were sent`,
    ({ audio, video }) => audio?.packets >= 50 * seconds && video?.frames >= 30 * seconds);
}

/// Publishes a large picture, reloads the page, publishes a small one. Ends while that is sent.
async function publishTwice(s, port) {
  const first = await s.publish('chromium', port, 'cam1', large);
  await untilSent(first, 3);
  await first.page.reload();
  const second = await Publication.start(first.page, 'cam1', small);
  // The last of it may not have come to the other end.
  await untilSent(second, 4);
  return second;
}

async function assertBothSizes(file) {
  const sizes = await frameSizes(file);
  assert.deepEqual([...sizes.keys()], ['640x480', '320x240'], file);
  for (const [size, frames] of sizes) assert.ok(frames >= 30, `${frames} frames of ${size}`);
}

async function assertRefusesVp8(s, port) {
  const publication = await s.publish('chromium', port, 'cam1', { codecs: ['VP8'] });
  assert.equal((await publication.untilRefused()).code, 4406);
}

/// ffmpeg completes its file on Ctrl-C, then ends with an exit code of its own.
async function complete(ffmpeg) {
  ffmpeg.child.kill('SIGINT');
  await within('the end of ffmpeg', ffmpeg.exited, 30);
}

/// nginx with the page's configuration, listening on `port`.
async function startNginx(s, port) {
  await writeFile(s.file('nginx.conf'), await recipeBlock('forward', 'RTMP', 'nginx', {
    '127.0.0.1:1935': `127.0.0.1:${port}`,
  }));
  s.program('/usr/sbin/nginx', ['-p', s.directory, '-e', 'stderr', '-c', 'nginx.conf']);
  await until('nginx listens', () => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  }));
}

scenario('rtmp_publisherReloadsAndSaysGoodbye_oneStreamArrivesAndEnds', async (s) => {
  const rtmp = await freePort();
  await startNginx(s, rtmp);
  const pipeline = await s.pipeline(await recipe('forward', 'RTMP', {
    'rtmp://127.0.0.1/': `rtmp://127.0.0.1:${rtmp}/`,
  }));
  const publication = await publishTwice(s, pipeline.port);
  await publication.stop();
  await pipeline.finished();
  assert.deepEqual(pipeline.errors(), []);
  const { audio } = await assertRecording(s.file('cam1.flv'), { video: 'h264', audio: 'aac' });
  assert.ok(audio.frames >= 200, `${audio.frames} frames of AAC in 7 s`);
  await assertBothSizes(s.file('cam1.flv'));
});

scenario('srt_playerStaysForTwoPublishers_bothArrive', async (s) => {
  const srt = await freePort();
  const pipeline = await s.pipeline(await recipe('forward', 'SRT', { 7001: srt }));
  await assertRefusesVp8(s, pipeline.port);
  const player = s.program('ffmpeg', ['-nostdin', '-v', 'error', '-analyzeduration', '1000000',
    '-i', `srt://127.0.0.1:${srt}`, '-c', 'copy', 'cam1.ts']);
  await pipeline.untilOutput('the player is connected', /Accept to connect/);
  await publishTwice(s, pipeline.port);
  await complete(player);
  // Opus packets that come close together make ffmpeg's time stamps step.
  const { streams } = await probe(s.file('cam1.ts'), '-count_frames', '-show_streams');
  assert.deepEqual(streams.map((stream) => stream.codec_name).sort(), ['h264', 'opus']);
  const opus = streams.find((stream) => stream.codec_name === 'opus');
  assert.ok(opus.nb_read_frames >= 200, `${opus.nb_read_frames} frames of Opus in 7 s`);
  await assertBothSizes(s.file('cam1.ts'));
  assert.deepEqual(pipeline.errors(), []);
});

/// The file of that kind in which lib/record_server.py has written something.
async function recorded(s, kind) {
  const files = [0, 1].map((track) => s.file(`${kind}${track}.ts`));
  const sizes = await Promise.all(files.map((file) => stat(file).then(({ size }) => size)));
  assert.ok(Math.max(...sizes) > 0, `the server got no ${kind}`);
  return files[sizes.indexOf(Math.max(...sizes))];
}

scenario('rtsp_serverRecordsTwoPublishers_bothArrive', async (s) => {
  const server = s.program('/usr/bin/python3',
    [path.join(sourceDirectory, 'tests/browser/lib/record_server.py'), '/cam1']);
  const [, rtsp] = await server.untilOutput('the server listens', /port (\d+)/);
  const port = await freePort();
  const line = await recipe('forward', 'RTSP', { 8554: rtsp });
  // As the page shows it, without -e.
  const pipeline = s.program('gst-launch-1.0', line.replace('PORT', port).split(/\s+/));
  await until('the pipeline serves', () =>
    fetch(`http://127.0.0.1:${port}/`).then(({ ok }) => ok, () => false));
  await publishTwice(s, port);
  await pipeline.interrupt();
  assert.doesNotMatch(pipeline.output, /^ERROR/m);
  const [video, audio] = [await recorded(s, 'video'), await recorded(s, 'audio')];
  // Its clock follows RTCP, so its time stamps may step.
  const { streams: [opus] } = await probe(audio, '-count_frames', '-show_streams');
  assert.equal(opus.codec_name, 'opus');
  assert.ok(opus.nb_read_frames >= 200, `${opus.nb_read_frames} frames of Opus in 7 s`);
  await assertBothSizes(video);
});

function bindUdp(port) {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });
}

/// The first of four UDP ports that nobody has: two for RTP, and theirs for RTCP.
async function freeUdpPorts() {
  for (;;) {
    const sockets = [await bindUdp(0)];
    const { port } = sockets[0].address();
    try {
      for (let next = port + 1; next < port + 4; next++) sockets.push(await bindUdp(next));
      if (port % 2 === 0) return port;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    } finally {
      for (const socket of sockets) socket.close();
    }
  }
}

scenario('rtp_receiverWithTheDescription_getsBothPublishers', async (s) => {
  const port = await freeUdpPorts();
  const ports = { 5004: port, 5006: port + 2 };
  await writeFile(s.file('cam1.sdp'), await recipeBlock('forward', 'RTP over UDP', 'sdp', ports));
  const pipeline = await s.pipeline(await recipe('forward', 'RTP over UDP', ports));
  const receiver = s.program('ffmpeg', ['-nostdin', '-v', 'error', '-protocol_whitelist',
    'file,udp,rtp', '-i', 'cam1.sdp', '-c', 'copy', 'cam1.mkv']);
  const bound = `:${(port + 2).toString(16).toUpperCase().padStart(4, '0')} `;
  await until('the receiver listens', async () =>
    (await readFile('/proc/net/udp', 'latin1')).includes(bound));
  await publishTwice(s, pipeline.port);
  await complete(receiver);
  await pipeline.interrupt();
  assert.deepEqual(pipeline.errors(), []);
  await assertRecording(s.file('cam1.mkv'), { video: 'h264' });
  await assertBothSizes(s.file('cam1.mkv'));
});
