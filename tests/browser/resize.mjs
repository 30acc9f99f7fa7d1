// SPDX-License-Identifier: LGPL-2.1-or-later
// The picture changes its size in mid-recording, and the recording goes on.
import assert from 'node:assert/strict';

import { assertRecording, frameSizes } from './lib/media.mjs';
import { scenario } from './lib/scenario.mjs';

const links = {
  H264: 'pub.video_cam1 ! queue ! h264parse ! mux.',
  VP8: 'pub.video_cam1 ! video/x-vp8 ! queue ! mux.',
};

// How the size of what is sent becomes 320x240.
const changes = {
  Camera: (publication) => publication.call('captureAs', 320, 240),
  Encoder: (publication) => publication.call('scaleDownBy', 2),
};

function declare(codec, change) {
  scenario(`resize_${codec}By${change}_recordingGoesOn`, async (s) => {
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${links[codec]}
      pub.audio_cam1 ! queue ! opusparse ! mux.
      matroskamux name=mux ! filesink location=cam1.mkv`);
    const publication = await s.publish('chromium', pipeline.port, 'cam1', {
      video: { width: 640, height: 480 },
    });
    await publication.untilConnected();
    const before = await publication.until('90 frames are sent',
      ({ video, audio }) => video?.frames >= 90 && audio?.packets > 0);
    assert.deepEqual([before.video.width, before.video.height], [640, 480]);
    await changes[change](publication);
    const changed = await publication.until('a smaller picture is sent',
      ({ video }) => video.width === 320 && video.height === 240);
    await publication.until('90 smaller frames are sent',
      ({ video }) => video.frames >= changed.video.frames + 90);
    const sent = await publication.reportAndMore();
    assert.equal((await publication.report()).closed, null);
    await pipeline.interrupt();

    assert.deepEqual(pipeline.errors(), []);
    const tracks = await assertRecording(s.file('cam1.mkv'), { video: codec.toLowerCase() });
    const frames = sent.video.frames - (sent.atConnection.video?.frames ?? 0);
    assert.ok(tracks.video.frames >= 0.95 * frames,
      `${tracks.video.frames} of ${frames} sent frames are in the file`);
    const sizes = await frameSizes(s.file('cam1.mkv'));
    assert.deepEqual([...sizes.keys()], ['640x480', '320x240']);
    assert.ok(sizes.get('640x480') >= 60 && sizes.get('320x240') >= 60,
      JSON.stringify([...sizes]));
  });
}

for (const change of Object.keys(changes)) declare('H264', change);
declare('VP8', 'Camera');
