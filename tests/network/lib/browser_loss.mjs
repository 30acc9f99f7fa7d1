// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes out of the element's pad of the pictures that Chromium sends while the network loses
// packets. A picture has come when the file has the same bytes that left the browser's encoder.
import { probe } from '../../browser/lib/media.mjs';
import { Publication } from '../../browser/lib/publication.mjs';
import { decodable } from './loss.mjs';

const url = 'http://10.0.0.2:8080';

/// Runs in the page, before anything connects: pictures are noted in `sentPictures` on their way
/// from the encoder to the network, { digest, key }.
function notePictures() {
  globalThis.sentPictures = [];
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) =>
    byte.toString(16).padStart(2, '0')).join('');
  const noting = () => new TransformStream({
    async transform(frame, controller) {
      const digest = hex(await crypto.subtle.digest('SHA-256', frame.data));
      globalThis.sentPictures.push({ digest, key: frame.type === 'key' });
      controller.enqueue(frame);
    },
  });
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super({ ...configuration, encodedInsertableStreams: true });
    }

    addTransceiver(track, init) {
      const transceiver = super.addTransceiver(track, init);
      const { readable, writable } = transceiver.sender.createEncodedStreams();
      (track.kind === 'video' ? readable.pipeThrough(noting()) : readable).pipeTo(writable);
      return transceiver;
    }
  };
}

const sentPictures = (page) => page.evaluate(() => globalThis.sentPictures);

/// How many packets of video the browser has sent again.
const sentAgain = (page) => page.evaluate(async () => {
  const report = await globalThis.clients.at(-1).pc.getStats();
  return [...report.values()].find(({ type, kind }) =>
    type === 'outbound-rtp' && kind === 'video').retransmittedPacketsSent;
});

async function pictureDigests(file) {
  const { packets } = await probe(file, '-select_streams', 'v',
    '-show_entries', 'packet=data_hash', '-show_data_hash', 'SHA256');
  return packets.map(({ data_hash: digest }) => digest.replace('SHA256:', ''));
}

/// `network`: publisherAndServer()'s. `camera`: a file that Chromium plays as its camera. The relay
/// begins to lose packets while media flow.
export async function measureBrowserLoss(s, { server, relay }, camera, { loss, seed = 1 },
  { pictures: wanted = 300, bitrate = 1_500_000, latency = 200 } = {}) {
  const pipeline = await server.pipeline(s, `webrtcpublishsrc name=pub address=0.0.0.0 port=8080
    start-bitrate=${bitrate} min-bitrate=${bitrate} max-bitrate=${bitrate} latency=${latency}
    pub.video_cam1 ! video/x-vp8 ! queue ! matroskamux ! filesink location=pictures.mkv
    pub.audio_cam1 ! queue ! opusparse ! fakesink`);
  const page = await s.page('chromium', `${url}/cam1/publish`,
    { cameraFile: camera, secureOrigin: url });
  await page.evaluate(notePictures);
  const publication = await Publication.start(page, 'cam1',
    { video: { width: 640, height: 360 }, codecs: ['VP8'] });
  await publication.untilConnected();
  await publication.untilMore('video', 120);  // its start keeps the machine busy
  await relay.set({ loss, seed });
  const before = await relay.counts();
  const first = (await sentPictures(page)).length;
  await publication.untilMore('video', wanted);
  const last = (await sentPictures(page)).length;
  await relay.set({ loss: 0 });
  const after = await relay.counts();
  await publication.untilMore('video', 60);  // what was asked for again has come
  const sent = await sentPictures(page);
  const again = await sentAgain(page);
  await pipeline.interrupt();

  const digests = new Set(await pictureDigests(s.file('pictures.mkv')));
  const counted = ({ number }) => number >= first && number < last;
  const came = sent.map((picture, number) => ({ ...picture, number }))
    .filter(({ digest }) => digests.has(digest));
  return {
    count: last - first,
    complete: came.filter(counted).length,
    decodable: decodable(came).filter(counted).length,
    keyFrames: sent.filter(({ key }) => key).length,
    sentAgain: again,
    lost: after.there.lost - before.there.lost,
  };
}
