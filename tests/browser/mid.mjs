// SPDX-License-Identifier: LGPL-2.1-or-later
// Several tracks of one kind whose offer names no SSRC: each comes out of its own pad, because its
// packets carry the MID of its m= line.
import assert from 'node:assert/strict';

import { frameSizes } from './lib/media.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

const sizes = [[320, 240], [640, 480]];

function declare(browser) {
  scenario(`mid_twoPicturesWithoutSsrcFrom_${browser}_comeOutOfTheirPads`, async (s) => {
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
      pub.video_cam1 ! video/x-vp8 ! queue ! matroskamux ! filesink location=0.mkv
      pub.video_cam1_1 ! video/x-vp8 ! queue ! matroskamux ! filesink location=1.mkv`);
    const publication = await s.publish(browser, pipeline.port, 'cam1', {
      canvases: sizes, hideSources: true, keepSize: true,
    });
    // The second one's packets come first, so that the order of arrival is the wrong one.
    await publication.call('holdTrack', 0, true);
    const sent = (number, count, before = 0) => until(`picture ${number} is sent`, async () =>
      ((await publication.call('framesByMid'))[number] ?? 0) >= before + count);
    await publication.untilConnected();
    await sent(1, 60);
    await publication.call('holdTrack', 0, false);
    await sent(0, 90);
    await sent(1, 60, (await publication.call('framesByMid'))[1]);
    assert.equal((await publication.report()).closed, null);
    await pipeline.interrupt();

    assert.deepEqual(pipeline.errors(), []);
    for (const [number, [width, height]] of sizes.entries()) {
      const seen = await frameSizes(s.file(`${number}.mkv`));
      assert.deepEqual([...seen.keys()], [`${width}x${height}`], `pad ${number}`);
      assert.ok(seen.get(`${width}x${height}`) >= 60, `${[...seen]}`);
    }
  });
}

for (const browser of ['chromium', 'firefox']) declare(browser);
