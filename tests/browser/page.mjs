// SPDX-License-Identifier: LGPL-2.1-or-later
// The product's own page, as a person uses it: the pipeline of the README, Publish, Ctrl-C.
import assert from 'node:assert/strict';

import { assertRecording } from './lib/media.mjs';
import { pressPublish } from './lib/publish_page.mjs';
import { encodedVideo, recorder as recorderOf, untilRemoved } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { serve } from './lib/service.mjs';
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
  assert.match(await page.evaluate(() => globalThis.publisher.socket.url), /\/webrtc\/publish$/);
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
  const words = { websocket: /no codec in common.*H\.?264/s, whip: /\(422\).*H\.?264/s };
  for (const [door, pattern] of Object.entries(words)) {
    await page.select('#door', door);
    await page.click('#publish');
    assert.match((await untilState(page, 'failed')).text, pattern);
  }
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

// The other door

const idle = 'pub.video_cam1 ! queue ! fakesink async=false';

function whipPage(s, browser, { port }, query = '') {
  return s.page(browser, `http://localhost:${port}/cam1/publish?door=whip${query}`);
}

/// What the page asks of a WHIP endpoint and of its sessions: "METHOD status", as it is answered.
function whipTraffic(page) {
  const traffic = [];
  page.on('response', (answer) => {
    if (/\/whip\b/.test(new URL(answer.url()).pathname))
      traffic.push(`${answer.request().method()} ${answer.status()}`);
  });
  return traffic;
}

scenario('page_urlNamesADoor_isChosen', async (s) => {
  const pipeline = await s.pipeline(recorder);
  const url = `http://localhost:${pipeline.port}/cam1/publish`;
  for (const [query, door] of Object.entries(
    { '': 'websocket', '?door=whip': 'whip', '?door=else': 'websocket' })) {
    const page = await s.page('chromium', url + query);
    await untilText(page, '#status', /Press Publish/);
    assert.equal(await page.$eval('#door', ({ value }) => value), door, query);
  }
});

for (const browser of ['chromium', 'firefox']) {
  scenario(`page_whipIsChosenIn_${browser}_recordsUntilStop`, async (s) => {
    // After a loss the file would stay open for longer than the test waits.
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
      reconnect-timeout=600000 ${recorderOf('cam1', encodedVideo[browser])}`);
    const page = await openPage(s, browser, `http://localhost:${pipeline.port}`);
    const traffic = whipTraffic(page);
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.select('#door', 'whip');
    await page.click('#publish');
    await untilState(page, 'live');
    assert.equal(await page.evaluate(() => globalThis.publisher.socket), null);
    assert.ok(await page.$eval('#door', ({ disabled }) => disabled), 'the door cannot be changed');
    await pipeline.untilOutput('it came by WHIP', /webrtc-publisher-added,.* door=\(string\)whip/);
    await untilText(page, '#stat-bitrate', /[1-9]/);
    await untilFramesSent(page, 120);
    await page.click('#stop');
    await untilState(page, 'ended');
    await pipeline.finished();
    assert.deepEqual(traffic, ['POST 201', 'PATCH 204', 'DELETE 200']);
    assert.deepEqual([complaints, pipeline.errors()], [[], []]);
    const { video } = await assertRecording(s.file('cam1.mkv'));
    assert.ok(video.frames >= 70, `${video.frames} of 120 frames are in the file`);
  });
}

for (const browser of ['chromium', 'firefox']) {
  scenario(`page_whipPageIsLeftIn_${browser}_isALoss`, async (s) => {
    const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${idle}`);
    const page = await whipPage(s, browser, pipeline);
    const traffic = whipTraffic(page);
    await pressPublish(page);
    await untilState(page, 'live');
    await page.goto('about:blank');
    assert.match(await untilRemoved(pipeline), /closed by the publisher \(DTLS\)/);
    assert.ok(!traffic.some((each) => each.startsWith('DELETE')), traffic.join());
  });
}

const ends = {
  chromium: (s, { port }) => s.publish('chromium', port, 'cam1'),
  firefox: (s, pipeline) => pipeline.interrupt(),
};

for (const [browser, end] of Object.entries(ends)) {
  scenario(`page_whipServerEndsItIn_${browser}_pageSaysSo`, async (s) => {
    const pipeline =
      await s.pipeline(`webrtcpublishsrc name=pub port=PORT duplicate-policy=replace ${idle}`);
    const page = await whipPage(s, browser, pipeline);
    await pressPublish(page);
    await untilState(page, 'live');
    await end(s, pipeline);
    assert.match((await untilState(page, 'ended')).text, /server ended the publication/);
  });
}

scenario('page_whipStreamIsTaken_pageSaysSo', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${idle}`);
  const first = await s.publish('chromium', pipeline.port, 'cam1');
  await pipeline.untilOutput('the publisher is there', /webrtc-publisher-added/);
  const page = await whipPage(s, 'chromium', pipeline);
  await pressPublish(page);
  assert.match((await untilState(page, 'failed')).text, /refused \(409\)\. .*already/);
  await first.untilMore('video', 30);
});

// What became of the address after the page was loaded, and what the page says then.
const refusals = [
  ['/cam1/publish?door=whip', /refused \(401\)\. A valid token is needed/],
  ['/cam2/publish?door=whip&token=sesame', /refused \(404\)\. .*cam2/],
];

scenario('page_whipIsRefused_pageShowsStatusAndSentence', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT token=sesame ${idle}`);
  for (const [address, says] of refusals) {
    const page = await s.page('chromium', 'about:blank');
    await page.evaluateOnNewDocument((now) => history.replaceState(null, '', now), address);
    await page.goto(`http://localhost:${pipeline.port}/cam1/publish?token=sesame`);
    await pressPublish(page);
    assert.match((await untilState(page, 'failed')).text, says);
  }
  const page = await whipPage(s, 'chromium', pipeline, '&token=sesame');
  await pressPublish(page);
  await untilState(page, 'live');
});

scenario('page_whipIsStoppedBeforeItsAnswer_saysGoodbyeToTheSession', async (s) => {
  let decide;
  const decided = new Promise((resolve) => { decide = resolve; });
  const asked = [];
  const service = await serve(s, async (request, response) => {
    asked.push(request.method);
    await decided;
    response.writeHead(200).end();
  });
  const pipeline =
    await s.pipeline(`webrtcpublishsrc name=pub port=PORT auth-url=${service} ${idle}`);
  const page = await whipPage(s, 'chromium', pipeline);
  const traffic = whipTraffic(page);
  await pressPublish(page);
  await until('the service is asked', () => asked.length > 0);
  await page.click('#stop');
  await untilState(page, 'ended');
  decide();
  await until('the session is ended', () => traffic.length === 2, { detail: () => traffic });
  assert.deepEqual(traffic, ['POST 201', 'DELETE 200']);
});
