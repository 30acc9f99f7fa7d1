// SPDX-License-Identifier: LGPL-2.1-or-later
// The bandwidth estimate of a browser with a busy picture is as high as with other good servers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { scenario } from './lib/scenario.mjs';

/// A moving test pattern with noise, 1280x720 at 30/s, that Chromium takes as its camera.
async function makeBusyCamera(file) {
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', '-f', 'lavfi',
    '-i', 'testsrc2=size=1280x720:rate=30,noise=alls=20:allf=t', '-t', '4',
    '-c:v', 'mjpeg', '-q:v', '5', '-f', 'mjpeg', file]);
}

const mbit = (bitsPerSecond) => `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`;

scenario('bitrate_busyPicture_isWhatGoodServersGet', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    pub.video_cam1 ! video/x-vp8 ! queue ! fakesink pub.audio_cam1 ! queue ! opusparse ! fakesink`);
  const publication = await s.publish('chromium', pipeline.port, 'cam1', {
    browser: { cameraFile: camera }, video: { width: 1280, height: 720 }, keepSize: false,
  });
  const connected = await publication.untilConnected();
  const seconds = (report) => (report.time - connected.atConnection.time) / 1000;

  const samples = [];
  await publication.until('20 s have passed', (report) => {
    if (seconds(report) >= 5) samples.push(report);
    return seconds(report) >= 20;
  }, { seconds: 40 });
  const [first, last] = [samples.at(0), samples.at(-1)];
  const estimate = Math.min(...samples.map((sample) => sample.availableOutgoingBitrate ?? 0));
  const sent = 8 * (last.video.bytes - first.video.bytes) / (seconds(last) - seconds(first));
  const picture = `${last.video.width}x${last.video.height}, limited by ${last.video.limitation}`;
  console.log(`# 5 s to 20 s: estimate at least ${mbit(estimate)}, sent ${mbit(sent)}, ${picture}`);

  assert.ok(estimate >= 3e6, `the estimate fell to ${mbit(estimate)} (${picture})`);
  assert.ok(sent >= 1.2e6, `${mbit(sent)} were sent (${picture})`);
  await pipeline.interrupt();
});
