// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher leaves, with a goodbye or without, and comes back or not: what the recording is like.
import assert from 'node:assert/strict';

import { assertRecording, frameSizes } from './lib/media.mjs';
import { encodedVideo, inBoth, messages, rawAudio, rawVideo, recorder } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { interruption } from './lib/timeline.mjs';
import { until } from './lib/wait.mjs';

/// Presses Publish on the element's own page, and waits until frames were sent.
async function pressPublish(page, frames) {
  const status = () => page.$eval('#status', ({ innerText }) => innerText);
  await until('the page is ready', () => page.$eval('#publish', ({ disabled }) => !disabled));
  await page.click('#publish');
  await until(`${frames} frames are sent`, () => page.evaluate(async (wanted) => {
    const report = await globalThis.publisher.pc?.getStats() ?? [];
    return [...report.values()].some(({ framesSent }) => framesSent >= wanted);
  }, frames), { seconds: 60, detail: status });
}

inBoth('reconnect_pageIsReloaded_oneFileGoesOn', async (s, browser) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT reconnect-timeout=20000
    ${recorder(browser, encodedVideo[browser])}`);
  const page = await s.page(browser, `http://localhost:${pipeline.port}/${browser}/publish`);
  await pressPublish(page, 90);
  const begin = performance.now();
  await page.reload();
  const reloaded = performance.now();
  await pressPublish(page, 90);
  await page.click('#stop');
  await pipeline.finished();

  assert.deepEqual(pipeline.errors(), []);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 2);
  const file = s.file(`${browser}.mkv`);
  await assertRecording(file);
  const { video, audio, counts } = await interruption(file, 45);
  const [reload, ofVideo, ofAudio] = [(reloaded - begin) / 1000, video.seconds, audio.seconds]
    .map((seconds) => `${seconds.toFixed(2)} s`);
  console.log(`# ${browser}: reload ${reload}, gap in video ${ofVideo}, in audio ${ofAudio}`);
  assert.ok(counts.every((frames) => frames >= 45), `frames before and after: ${counts}`);
});

inBoth('reconnect_nobodyReturns_eosComesAfterTheTimeout', async (s, browser) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT reconnect-timeout=1500
    ${recorder(browser, encodedVideo[browser])}`);
  const publication = await s.publish(browser, pipeline.port, browser);
  await publication.untilConnected();
  await publication.untilMore('video', 60);
  const begin = performance.now();
  await publication.page.goto('about:blank');
  await pipeline.finished();
  const waited = performance.now() - begin;
  assert.ok(waited >= 1400, `EOS came after ${waited} ms`);
  assert.deepEqual(pipeline.errors(), []);
  const { video } = await assertRecording(s.file(`${browser}.mkv`));
  assert.ok(video.frames >= 20, `${video.frames} of 60 frames`);
});

/// Publishes for a while and says goodbye.
async function visit(s, browser, pipeline, stream, options) {
  const publication = await s.publish(browser, pipeline.port, stream, options);
  await publication.untilConnected();
  await publication.untilMore('video', 60);
  await publication.untilMore('audio', 25);
  await publication.stop();
}

/// The visits that were announced on the bus, and the gaps between them in the file.
async function assertVisits(s, pipeline, stream, visits) {
  assert.deepEqual(pipeline.errors(), []);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), visits);
  const { video, audio } = await assertRecording(s.file(`${stream}.mkv`));
  assert.ok(video.frames >= visits * 20, `${video.frames} frames of ${visits} visits`);
  assert.ok(audio.frames >= visits * 20, `${audio.frames} audio packets of ${visits} visits`);
}

scenario('reconnect_endlessTimeout_threeGoodbyesMakeOneFile', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT reconnect-timeout=-1
    ${recorder('cam1', encodedVideo.vp8)}`);
  for (const browser of ['chromium', 'firefox', 'chromium'])
    await visit(s, browser, pipeline, 'cam1');
  assert.equal(pipeline.exit, null);
  await pipeline.interrupt();
  await assertVisits(s, pipeline, 'cam1', 3);
});

scenario('reconnect_withAnotherCodecAndSize_decodedRecordingGoesOn', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT reconnect-timeout=-1
    ${recorder('cam1', rawVideo, rawAudio)}`);
  const visits = [['chromium', 'VP8', 640, 480], ['chromium', 'H264', 320, 240],
    ['firefox', 'VP9', 640, 480]];
  for (const [browser, codec, width, height] of visits) {
    await visit(s, browser, pipeline, 'cam1', { video: { width, height }, codecs: [codec] });
  }
  assert.equal(pipeline.exit, null);
  await pipeline.interrupt();
  await assertVisits(s, pipeline, 'cam1', 3);
  const sizes = await frameSizes(s.file('cam1.mkv'));
  assert.deepEqual([...sizes.keys()], ['640x480', '320x240']);
  assert.ok(sizes.get('320x240') >= 20, JSON.stringify([...sizes]));
});
