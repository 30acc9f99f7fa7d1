// SPDX-License-Identifier: LGPL-2.1-or-later
// What a browser with a busy picture believes that it may send, and what it sends.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { Publication } from './publication.mjs';

/// A moving test pattern with noise, 1280x720 at 30/s, that Chromium takes as its camera.
export async function makeBusyCamera(file) {
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', '-f', 'lavfi',
    '-i', 'testsrc2=size=1280x720:rate=30,noise=alls=20:allf=t', '-t', '4',
    '-c:v', 'mjpeg', '-q:v', '5', '-f', 'mjpeg', file]);
}

/// Takes transport-cc out of every answer, header extension and feedback, as a server without it
/// would.
function dropTransportCc() {
  const { prototype } = globalThis.RTCPeerConnection;
  const set = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function setWithout({ type, sdp }) {
    const lines = sdp.split('\r\n').filter((line) => !/transport-(cc|wide-cc)/.test(line));
    return set.call(this, { type, sdp: lines.join('\r\n') });
  };
}

/// Chromium's estimate (the lowest) and its sending (the average), bit/s, between the 5th and the
/// 20th second after connecting.
export async function measureBitrate(s, camera, { transportCc = true } = {}) {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    pub.video_cam1 ! video/x-vp8 ! queue ! fakesink pub.audio_cam1 ! queue ! opusparse ! fakesink`);
  const page = await s.page('chromium', `http://127.0.0.1:${pipeline.port}/cam1/publish`,
    { cameraFile: camera });
  if (!transportCc) await page.evaluate(dropTransportCc);
  const publication = await Publication.start(page, 'cam1',
    { video: { width: 1280, height: 720 }, keepSize: false });
  const connected = await publication.untilConnected();
  const seconds = (report) => (report.time - connected.atConnection.time) / 1000;

  const samples = [];
  await publication.until('20 s have passed', (report) => {
    if (seconds(report) >= 5) samples.push(report);
    return seconds(report) >= 20;
  }, { seconds: 40 });
  await pipeline.interrupt();
  await page.goto('about:blank');
  const [first, last] = [samples.at(0), samples.at(-1)];
  return {
    estimate: Math.min(...samples.map((sample) => sample.availableOutgoingBitrate ?? 0)),
    sent: 8 * (last.video.bytes - first.video.bytes) / (seconds(last) - seconds(first)),
    picture: `${last.video.width}x${last.video.height}, limited by ${last.video.limitation}`,
  };
}

export function describeBitrate({ estimate, sent, picture }) {
  const mbit = (bitsPerSecond) => `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`;
  return `5 s to 20 s: estimate at least ${mbit(estimate)}, sent ${mbit(sent)}, ${picture}`;
}
