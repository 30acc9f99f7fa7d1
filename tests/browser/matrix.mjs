// SPDX-License-Identifier: LGPL-2.1-or-later
// Every codec of both browsers, encoded to a file and raw: 10 s of the fake camera arrive whole.
import assert from 'node:assert/strict';

import { assertRecording } from './lib/media.mjs';
import { scenario } from './lib/scenario.mjs';

const encodedLink = {
  vp8: 'pub.video_cam1 ! video/x-vp8 ! queue ! mux.',
  vp9: 'pub.video_cam1 ! video/x-vp9 ! queue ! mux.',
  h264: 'pub.video_cam1 ! queue ! h264parse ! mux.',
};
const outputs = {
  encoded: {
    links: (codec) => `${encodedLink[codec]} pub.audio_cam1 ! queue ! opusparse ! mux.`,
    recordedAs: (codec) => codec,
  },
  raw: {
    links: () => `pub.video_cam1 ! queue ! videoconvert
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! h264parse ! mux.
      pub.audio_cam1 ! queue ! audioconvert ! audioresample ! opusenc ! mux.`,
    recordedAs: () => 'h264',
  },
};

function declare(browser, codec, output) {
  const { links, recordedAs } = outputs[output];
  scenario(`matrix_${browser}_${codec}_${output}_isComplete`, async (s) => {
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${links(codec)}
      matroskamux name=mux ! filesink location=cam1.mkv`);
    const begin = performance.now();
    const publication = await s.publish(browser, pipeline.port, 'cam1', {
      video: { width: 640, height: 480 }, codecs: [codec.toUpperCase()],
    });
    await publication.untilConnected();
    await publication.untilMediaSent(10);
    const sent = await publication.reportAndMore();
    await pipeline.interrupt();
    const seconds = (performance.now() - begin) / 1000;

    assert.deepEqual(sent.errors, []);
    assert.ok(sent.acceptedCandidates > 0, 'the browser took a candidate');
    assert.equal(sent.video.codec?.toLowerCase(), `video/${codec}`);
    assert.deepEqual(pipeline.errors(), []);
    const tracks = await assertRecording(s.file('cam1.mkv'), {
      video: recordedAs(codec), width: sent.video.width, height: sent.video.height,
    });
    const frames = sent.video.frames - (sent.atConnection.video?.frames ?? 0);
    assert.ok(tracks.video.frames >= 0.95 * frames,
      `${tracks.video.frames} of ${frames} sent frames are in the file`);
    const length = tracks.audio.lastPts - tracks.audio.firstPts;
    assert.ok(length >= 9 && length <= seconds,
      `10 s of audio and more, sent within ${seconds} s, are ${length} s long in the file`);
  });
}

for (const output of Object.keys(outputs)) {
  for (const codec of ['vp8', 'vp9', 'h264']) declare('chromium', codec, output);
  for (const codec of ['vp8', 'vp9']) declare('firefox', codec, output);
}
