// SPDX-License-Identifier: LGPL-2.1-or-later
// What the pipeline takes decides what the browser sends; nothing in common is a refusal.
import assert from 'node:assert/strict';

import { scenario } from './lib/scenario.mjs';

const links = {
  H264: 'pub.video_cam1 ! queue ! h264parse ! fakesink',
  VP8: 'pub.video_cam1 ! queue ! vp8dec ! fakesink',
  VP9: 'pub.video_cam1 ! queue ! vp9dec ! fakesink',
};

for (const [codec, link] of Object.entries(links)) {
  scenario(`codecs_pipelineTakes${codec}_chromiumSendsIt`, async (s) => {
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${link}
      pub.audio_cam1 ! queue ! opusparse ! fakesink`);
    const publication = await s.publish('chromium', pipeline.port, 'cam1');
    await publication.untilConnected();
    const sent = await publication.untilMediaSent(1);
    assert.equal(sent.video.codec, `video/${codec}`);
    assert.deepEqual(pipeline.errors(), []);
    await pipeline.interrupt();
  });
}

for (const browser of ['chromium', 'firefox']) {
  scenario(`codecs_${browser}HasNoneInCommon_closes4406WithBothSides`, async (s) => {
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${links.H264}`);
    const publication = await s.publish(browser, pipeline.port, 'cam1', {
      audio: false, codecs: ['VP8'],
    });
    const { code, reason } = await publication.untilRefused();
    assert.equal(code, 4406, reason);
    assert.match(reason, /VP8/i, 'what was offered');
    assert.match(reason, /H\.?264/i, 'what the pipeline wants');
    assert.deepEqual(pipeline.errors(), []);
    assert.match(pipeline.output, /VP8/i, 'the bus heard of it');
    await pipeline.interrupt();
  });
}
