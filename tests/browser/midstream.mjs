// SPDX-License-Identifier: LGPL-2.1-or-later
// What browsers do in the middle of a publication, and that the recording goes on through it.
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';

import { makeBusyCamera } from './lib/bitrate.mjs';
import { assertRecording, frameSizes } from './lib/media.mjs';
import { Publication } from './lib/publication.mjs';
import { encodedAudio, encodedVideo, inBoth, matroska, rawAudio, rawVideo, recorder }
  from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { beacons, beepDelays, channelPeaks, gaps, makeBeacon, packetTimes }
  from './lib/timeline.mjs';
import { until } from './lib/wait.mjs';

/// A pipeline with two streams, of which one is recorded as it was sent and one decoded, and two
/// clients in one page that publish them: { pipeline, publications, files }.
async function publishTwice(s, browser, options, { format = matroska, properties = '' } = {}) {
  const [encoded, raw] = [`${browser}_encoded`, `${browser}_raw`];
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${properties}
    ${recorder(encoded, encodedVideo[browser], encodedAudio, format)}
    ${recorder(raw, rawVideo, rawAudio)}`);
  const first = await s.publish(browser, pipeline.port, encoded, options);
  const second = await Publication.start(first.page, raw, options);
  const publications = [first, second];
  for (const publication of publications) await publication.untilConnected();
  const files = [s.file(`${encoded}.${format.ending}`), s.file(`${raw}.mkv`)];
  return { pipeline, publications, files };
}

/// Ctrl-C. Up to then no publisher was lost and nobody complained; gives the clients' reports, of
/// a moment before.
async function finish({ pipeline, publications }) {
  const reports = await Promise.all(publications.map((one) => one.reportAndMore()));
  const last = await Promise.all(publications.map((one) => one.report()));
  for (const { closed, errors } of last) assert.deepEqual([closed, errors], [null, []]);
  assert.doesNotMatch(pipeline.output, /webrtc-publisher-removed/);
  await pipeline.interrupt();
  assert.deepEqual(pipeline.errors(), []);
  return reports;
}

/// Until so much time of the browser has passed.
async function untilSeconds(publication, count) {
  const { time } = await publication.report();
  await publication.until(`${count} s have passed`, (report) => report.time >= time + 1000 * count,
    { seconds: count + 15 });
}

// What a page does to its picture, and which size it sends then.
const changes = {
  chromium: [
    ['sendScreen', [], '800x450'],
    ['sendAgain', ['video'], '640x480'],
    ['captureAs', [240, 320], '240x320'],
    ['captureAs', [320, 240], '320x240'],
    ['captureAs', [640, 480], '640x480'],
    ['scaleDownBy', [2], '320x240'],
    ['scaleDownBy', [1], '640x480'],
  ],
  // Its fake camera has one size.
  firefox: [
    ['sendScreen', [], '1366x682'],
    ['sendCanvas', [360, 640], '360x640'],
    ['sendAgain', ['video'], '640x480'],
    ['scaleDownBy', [2], '320x240'],
    ['scaleDownBy', [1], '640x480'],
  ],
};

async function change(publication, steps) {
  await publication.untilMore('video', 40);
  for (const [method, args, size] of steps) {
    await publication.call(method, ...args);
    await publication.until(`${method}(${args}) makes the picture ${size}`,
      ({ video }) => `${video.width}x${video.height}` === size);
    await publication.untilMore('video', 40);
  }
}

inBoth('midstream_pictureChanges_recordingsGoOn', async (s, browser) => {
  const twins = await publishTwice(s, browser, { video: { width: 640, height: 480 } });
  const steps = changes[browser];
  await Promise.all(twins.publications.map((publication) => change(publication, steps)));
  const reports = await finish(twins);

  for (const [i, file] of twins.files.entries()) {
    const tracks = await assertRecording(file);
    const { video, atConnection } = reports[i];
    const sent = video.frames - (atConnection.video?.frames ?? 0);
    assert.ok(tracks.video.frames >= 0.9 * sent, `${tracks.video.frames} of ${sent} in ${file}`);
    const sizes = [...await frameSizes(file)];
    const expected = new Set(['640x480', ...steps.map(([, , size]) => size)]);
    assert.deepEqual(sizes.map(([size]) => size), [...expected], file);
    assert.ok(sizes.every(([, frames]) => frames >= 15), JSON.stringify(sizes));
    const times = await packetTimes(file);
    assert.deepEqual([gaps(times.video, 3), gaps(times.audio, 3)], [[], []], file);
  }
});

// Chromium tells the colours of each source in its H.264.
scenario('midstream_sourceHasOtherColours_h264RecordingGoesOn', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    ${recorder('cam1', encodedVideo.h264)}`);
  const publication = await s.publish('chromium', pipeline.port, 'cam1',
    { video: { width: 640, height: 480 } });
  await publication.untilConnected();
  await change(publication, [['sendCanvas', [360, 640], '360x640']]);
  await finish({ pipeline, publications: [publication] });
  await assertRecording(s.file('cam1.mkv'), { video: 'h264' });
  const sizes = await frameSizes(s.file('cam1.mkv'));
  assert.deepEqual([...sizes.keys()], ['640x480', '360x640']);
});

// A picture that cannot be made small enough by quality alone.
scenario('midstream_bitrateBecomesLow_chromiumScalesByItself', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    ${recorder('encoded', encodedVideo.h264)} ${recorder('raw', rawVideo, rawAudio)}`);
  const options = { video: { width: 640, height: 360 } };
  const first = await s.publish('chromium', pipeline.port, 'encoded',
    { browser: { cameraFile: camera }, ...options });
  const publications = [first, await Publication.start(first.page, 'raw', options)];
  await Promise.all(publications.map(async (publication) => {
    await publication.untilConnected();
    await publication.untilMore('video', 30);
    await publication.call('allowScaling', 100000);
    await publication.until('the picture becomes smaller', ({ video }) => video.height < 360,
      { seconds: 90 });
    await publication.untilMore('video', 20);
  }));
  await finish({ pipeline, publications });

  for (const name of ['encoded', 'raw']) {
    await assertRecording(s.file(`${name}.mkv`));
    const sizes = [...await frameSizes(s.file(`${name}.mkv`))];
    assert.equal(sizes[0][0], '640x360');
    assert.ok(sizes.length >= 2, JSON.stringify(sizes));
  }
});

/// mpegtsmux goes on without a track that GAP events tell of; matroskamux does not know them, and
/// waits.
const takesGaps = (file) => file.endsWith('.ts');

/// For some seconds nothing is sent for these kinds.
async function muteFor(publication, file, kinds, length) {
  for (const kind of kinds) await publication.call('sendNothing', kind);
  await untilSeconds(publication, length / 2);
  const { size } = await stat(file);
  await untilSeconds(publication, length / 2);
  if (takesGaps(file) && kinds.length === 1) {
    await until(`${file} goes on without the muted ${kinds}`,
      async () => (await stat(file)).size > size);
  }
  for (const kind of kinds) await publication.call('sendAgain', kind);
  await publication.untilMore('video', 20);
  await untilSeconds(publication, 1.2);
}

async function mute(publication, file) {
  await untilSeconds(publication, 3);
  // Longer than the inactivity timeout: a muted track is no lost publisher.
  await muteFor(publication, file, ['video'], 6);
  await muteFor(publication, file, ['audio'], 6);
  await muteFor(publication, file, ['audio', 'video'], 0.8);
  for (const enabled of [false, true]) {
    for (const kind of ['audio', 'video']) await publication.call('setEnabled', kind, enabled);
    await untilSeconds(publication, enabled ? 6 : 1);
  }
}

async function assertMutedRecording(file) {
  const { audio } = await assertRecording(file);
  assert.equal(audio.channels, 2);
  const [left, right] = await channelPeaks(file);
  assert.ok(left > -20 && right < -60, `the left is ${left} dB, the right ${right} dB loud`);

  const times = await packetTimes(file);
  const [pictures, sounds] = [gaps(times.video, 4), gaps(times.audio, 4)];
  // Firefox sends black pictures for a track that is null, one in a second. A machine that stops
  // makes one more pause.
  assert.ok(pictures.length <= 2, `the video pauses: ${JSON.stringify(pictures)}`);
  assert.ok(sounds.length === 1 || sounds.length === 2,
    `the audio pauses: ${JSON.stringify(sounds)}`);
  const silence = sounds.reduce((sum, { seconds }) => sum + seconds, 0);
  const length = audio.lastPts - audio.firstPts - silence;
  assert.ok(times.audio.length < 0.8 * 50 * length, `${times.audio.length} packets are no DTX`);

  const delays = beepDelays(await beacons(file));
  const middle = delays.map(({ delay }) => delay).sort((a, b) => a - b)[delays.length >> 1];
  // A browser short of processor time shows a flash late now and then.
  const apart = delays.filter(({ delay }) => Math.abs(delay - middle) > 0.3);
  assert.ok(apart.length <= delays.length / 4,
    `beeps and flashes drift apart: ${JSON.stringify(delays)}`);
  assert.ok(delays.some(({ at }) => at > audio.lastPts - 5),
    `no beep after the last mute: ${JSON.stringify({ delays, audio })}`);
}

inBoth('midstream_isMuted_stereoRecordingsWithDtxGoOnAligned', async (s, browser) => {
  const beacon = await makeBeacon(s.file(`${browser}.webm`), 60);
  const format = browser === 'chromium' ? { mux: 'mpegtsmux', ending: 'ts' } : matroska;
  const twins = await publishTwice(s, browser, { beacon, opus: 'stereo=1;usedtx=1' },
    { format, properties: 'inactivity-timeout=5000' });
  await Promise.all(twins.publications.map((one, i) => mute(one, twins.files[i])));
  await finish(twins);
  for (const file of twins.files) await assertMutedRecording(file);
}, { seconds: 240 });

inBoth('midstream_tabIsHiddenFor20s_recordingGoesOn', async (s, browser) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT inactivity-timeout=5000
    ${recorder(browser, encodedVideo[browser])}`);
  const options = { browser: { throttled: true } };
  const publication = await s.publish(browser, pipeline.port, browser, options);
  const { page } = publication;
  await publication.untilConnected();
  const inFront = await s.page(browser, 'about:blank', options.browser);
  await inFront.bringToFront();
  const visibility = () => page.evaluate(() => document.visibilityState);
  assert.equal(await visibility(), 'hidden');
  const before = await publication.report();
  await untilSeconds(publication, 20);
  assert.equal(await visibility(), 'hidden');
  const { video } = await publication.report();
  assert.ok(video.frames >= before.video.frames + 15, 'frames are sent from the hidden tab');
  await page.bringToFront();
  await publication.untilMore('video', 20);
  await finish({ pipeline, publications: [publication] });

  const file = s.file(`${browser}.mkv`);
  await assertRecording(file);
  const times = await packetTimes(file);
  assert.deepEqual([gaps(times.video, 4), gaps(times.audio, 4)], [[], []]);
});
