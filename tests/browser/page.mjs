// SPDX-License-Identifier: LGPL-2.1-or-later
// The product's own page, as a person uses it: the pipeline of the README, Publish, Ctrl-C.
import assert from 'node:assert/strict';

import { assertRecording } from './lib/media.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

const recorder = `webrtcpublishsrc name=pub port=PORT
  pub.video_cam1 ! queue ! h264parse ! mux.
  pub.audio_cam1 ! queue ! opusparse ! mux.
  matroskamux name=mux ! filesink location=cam1.mkv`;

const text = (page, selector) => page.$eval(selector, (element) => element.innerText);
const status = (page) => page.$eval('#status', ({ dataset, innerText }) =>
  ({ state: dataset.state, text: innerText }));

function untilState(page, ...states) {
  return until(`the page is ${states.join(' or ')}`, async () => {
    const now = await status(page);
    return states.includes(now.state) ? now : null;
  }, { seconds: 40, detail: () => status(page) });
}

function untilText(page, selector, pattern) {
  return until(`${selector} says ${pattern}`,
    async () => pattern.test(await text(page, selector)), { detail: () => text(page, selector) });
}

/// The page of the stream cam1, ready for a click.
async function openPage(s, browser, origin) {
  const page = await s.page(browser, `${origin}/cam1/publish`);
  await untilText(page, '#status', /Press Publish/);
  assert.equal((await status(page)).state, 'idle');
  return page;
}

function untilFramesSent(page, count) {
  return until(`${count} frames were sent`, () => page.evaluate(async (wanted) => {
    const report = await globalThis.publisher.pc?.getStats() ?? [];
    return [...report.values()].some(({ framesSent }) => framesSent >= wanted);
  }, count), { seconds: 60, detail: () => status(page) });
}

scenario('page_publishIsClicked_recordsAFileThatPlays', async (s) => {
  const pipeline = await s.pipeline(recorder);
  const origin = `http://localhost:${pipeline.port}`;
  const index = await s.page('chromium', `${origin}/`);
  await untilText(index, 'body', /cam1\s+waiting/i);

  const page = await openPage(s, 'chromium', origin);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (answer) => answer.ok() || complaints.push(answer.url()));
  await page.click('#publish');
  await untilState(page, 'live');
  await untilText(page, '#stat-bitrate', /[1-9]/);
  assert.ok(await page.$eval('#publish', (button) => button.disabled || button.hidden),
    'Publish cannot be pressed twice');
  await untilText(index, 'body', /cam1\s+live/i);
  await untilFramesSent(page, 180);
  assert.ok(await page.$eval('video', ({ videoWidth }) => videoWidth) > 0, 'a preview is shown');
  await pipeline.interrupt();

  await untilState(page, 'ended');
  assert.deepEqual(complaints, []);
  assert.deepEqual(pipeline.errors(), []);
  const { video } = await assertRecording(s.file('cam1.mkv'), { video: 'h264' });
  assert.ok(video.frames >= 120, `${video.frames} of 180 frames are in the file`);
});

scenario('page_stopIsClicked_endsTheRecording', async (s) => {
  const pipeline = await s.pipeline(recorder);
  const page = await openPage(s, 'chromium', `http://localhost:${pipeline.port}`);
  await page.click('#publish');
  await untilState(page, 'live');
  await untilFramesSent(page, 90);
  await page.click('#stop');
  await untilState(page, 'ended');
  await pipeline.finished();
  await assertRecording(s.file('cam1.mkv'), { video: 'h264' });
});

scenario('page_firefoxWithoutH264_saysWhyItWasRefused', async (s) => {
  const pipeline = await s.pipeline(recorder);
  const page = await openPage(s, 'firefox', `http://localhost:${pipeline.port}`);
  const sends = await page.evaluate(() =>
    RTCRtpSender.getCapabilities('video').codecs.map(({ mimeType }) => mimeType));
  assert.ok(!sends.includes('video/H264'), 'this Firefox has its OpenH264 plugin');
  await page.click('#publish');
  const refusal = await untilState(page, 'failed');
  assert.match(refusal.text, /H\.?264/);
  await pipeline.interrupt();
});

scenario('page_firefoxPublishes_isLive', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    pub.video_cam1 ! video/x-vp8 ! queue ! mux. pub.audio_cam1 ! queue ! opusparse ! mux.
    matroskamux name=mux ! filesink location=cam1.mkv`);
  const page = await openPage(s, 'firefox', `http://localhost:${pipeline.port}`);
  await page.click('#publish');
  await untilState(page, 'live');
  await untilText(page, '#stat-bitrate', /[1-9]/);
  await untilFramesSent(page, 90);
  await pipeline.interrupt();
  await assertRecording(s.file('cam1.mkv'), { video: 'vp8' });
});
