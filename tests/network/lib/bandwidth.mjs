// SPDX-License-Identifier: LGPL-2.1-or-later
// What Chromium sends with a busy picture while the network takes this much or that.
import './before_others.mjs';

import { until } from '../../browser/lib/wait.mjs';
import { Publication } from '../../browser/lib/publication.mjs';
import { publisherAndServer } from './network.mjs';

const url = 'http://10.0.0.2:8080';

/// A browser that publishes to an element with these properties. `connected`: its report from that
/// moment. `relay.set()` changes the network. `watch(seconds)` gives samples, two a second:
/// { seconds (since connecting), estimate (bit/s), frames (so far), picture, line (the relay's
/// counts) }.
export async function startBusyPicture(s, camera, properties, network) {
  const { server, relay } = await publisherAndServer(s, network);
  const words = Object.entries(properties).map((property) => property.join('='));
  await server.pipeline(s, `webrtcpublishsrc name=pub address=0.0.0.0 port=8080
    ${words.join(' ')} pub.video_cam1 ! video/x-vp8 ! queue ! fakesink
    pub.audio_cam1 ! queue ! opusparse ! fakesink`);
  const page = await s.page('chromium', `${url}/cam1/publish`,
    { cameraFile: camera, secureOrigin: url });
  const publication = await Publication.start(page, 'cam1',
    { video: { width: 1280, height: 720 }, keepSize: false });
  const { atConnection } = await publication.untilConnected();

  async function sample() {
    const [report, counts] = await Promise.all([publication.report(), relay.counts()]);
    const { time, video, availableOutgoingBitrate: estimate } = report;
    return {
      seconds: (time - atConnection.time) / 1000, estimate, frames: video.frames,
      picture: `${video.width}x${video.height}`, line: counts.there,
    };
  }
  async function watch(seconds) {
    const samples = [await sample()];
    await until(`${seconds} s have passed`, async () => {
      samples.push(await sample());
      return samples.at(-1).seconds - samples[0].seconds >= seconds;
    }, { seconds: 3 * seconds + 30, every: 500 });
    return samples;
  }
  return { relay, connected: atConnection, watch };
}

/// What was put on the line between two samples, bit/s, with all headers.
export const rateBetween = (a, b) =>
  8 * (b.line.bytes - a.line.bytes) / (b.seconds - a.seconds);

/// The share of packets that the line dropped between two samples.
export const droppedBetween = (a, b) =>
  (b.line.full - a.line.full) / Math.max(1, b.line.frames - a.line.frames);
