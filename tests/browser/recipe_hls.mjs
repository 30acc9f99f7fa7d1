// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/recipes/hls.md: playlists and segments, looked at one by one and played in Chromium.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { inspect, probe } from './lib/media.mjs';
import { Publication } from './lib/publication.mjs';
import { recipe, recipeBlock } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

const targetSeconds = 2;
const large = { video: { width: 640, height: 480 } };
const small = { video: { width: 320, height: 240 } };

/// [{ name, seconds }] of a playlist, or nothing while there is none.
async function segmentsOf(file) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return [...text.matchAll(/^#EXTINF:([\d.]+),.*\n(.*)$/gm)]
    .map(([, seconds, name]) => ({ name, seconds: Number(seconds) }));
}

function untilSegments(s, count) {
  return until(`there are ${count} segments`,
    async () => (await segmentsOf(s.file('cam1.m3u8'))).length >= count, { seconds: 60 });
}

const numberOf = ({ name }) => Number(name.match(/(\d+)\.ts$/)[1]);
const isLongEnough = ({ seconds }) => seconds >= targetSeconds / 2;
const isAsLongAsAsked = ({ seconds }) => Math.abs(seconds - targetSeconds) <= 0.5;

/// Each segment decodes by itself, from a key frame on, and has both tracks. Gives them without
/// those that are too short to tell what their sound is: the last one ends anywhere, and one
/// between two key frames that come at once may have next to none.
async function assertSegments(s) {
  const all = await segmentsOf(s.file('cam1.m3u8'));
  const segments = all.filter(isLongEnough);
  for (const segment of segments) {
    const file = s.file(segment.name);
    Object.assign(segment, await inspect(file));
    assert.equal(segment.video?.codec, 'h264', `${segment.name}: ${JSON.stringify(segment)}`);
    assert.equal(segment.audio?.codec, 'aac', `${segment.name}: ${JSON.stringify(segment)}`);
    const { packets } = await probe(file, '-select_streams', 'v:0',
      '-show_entries', 'packet=flags', '-read_intervals', '%+#1');
    assert.match(packets[0].flags, /^K/, `${segment.name} begins with a key frame`);
  }
  return segments;
}

/// Plays the playlist in Chromium from the page's web server; what its video element says then.
async function play(s) {
  const command = await recipeBlock('hls', 'HLS', 'sh', { 8000: '0' });
  const [program, ...args] = command.trim().split(' ');
  assert.equal(program, 'python3');
  const server = s.program('/usr/bin/python3', ['-u', ...args]);
  const [, port] = await server.untilOutput('the web server runs', /port (\d+)/);
  const page = await s.page('chromium', `http://127.0.0.1:${port}/`);
  return page.evaluate(async () => {
    const video = Object.assign(document.createElement('video'), { muted: true });
    document.body.append(video);
    const played = new Promise((resolve, reject) => {
      video.ontimeupdate = () => { if (video.currentTime >= 2) resolve(); };
      video.onended = resolve;
      video.onerror = () => reject(new Error(`it does not play: ${video.error.message}`));
    });
    video.src = '/cam1.m3u8';
    await video.play();
    await played;
    return {
      seconds: video.currentTime, width: video.videoWidth,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
    };
  });
}

scenario('hls_h264PublisherReturnsWithSoundAndAnotherSize_playlistGoesOn', async (s) => {
  // All segments are kept: a test that is held up must not miss the first.
  const pipeline = await s.pipeline(await recipe('hls', 'H.264 as it comes',
    { 'playlist-length=5': 'playlist-length=0', 'max-files=10': 'max-files=0' }));
  const url = `http://127.0.0.1:${pipeline.port}/cam1/publish`;
  const page = await s.page('chromium', url);
  const first = await Publication.start(page, 'cam1', { ...large, audio: false });
  await first.untilConnected();
  // A browser that is short of processor time sends a key frame late now and then, and any browser
  // may send one that nobody asked for, after which the segment ends early.
  await until('one of two segments is as long as asked', async () => {
    const found = await segmentsOf(s.file('cam1.m3u8'));
    return found.length >= 2 && found.some(isAsLongAsAsked);
  }, { seconds: 60, detail: () => segmentsOf(s.file('cam1.m3u8')) });
  await page.goto(url);
  const second = await Publication.start(page, 'cam1', small);
  await second.untilConnected();
  const [last] = (await segmentsOf(s.file('cam1.m3u8'))).slice(-1);
  // The next one may have begun before the return.
  await until('there is a segment of the second publication', async () =>
    (await segmentsOf(s.file('cam1.m3u8'))).some((segment) =>
      numberOf(segment) >= numberOf(last) + 2 && isLongEnough(segment)),
  { seconds: 60 });
  await second.stop();
  await pipeline.interrupt();

  assert.deepEqual(pipeline.errors(), []);
  const segments = await assertSegments(s);
  assert.deepEqual([...new Set(segments.map(({ video }) => video.width))], [640, 320]);
  assert.match(await readFile(s.file('cam1.m3u8'), 'utf8'), /#EXT-X-ENDLIST/);
  const played = await play(s);
  assert.ok(played.frames >= 20, JSON.stringify(played));
}, { seconds: 240 });

scenario('hls_vp8EncodedAgainThenOtherPublishers_everySegmentIsTheSame', async (s) => {
  const pipeline = await s.pipeline(await recipe('hls', 'Any codec, one size, encoded again',
    { 1280: '640', 720: '360' }));
  const where = [pipeline.port, 'cam1'];
  const first = await s.publish('firefox', ...where, { ...large, codecs: ['VP8'] });
  await first.untilMediaSent(1);
  await first.stop();
  await pipeline.untilOutput('the first has left', /webrtc-publisher-removed/);
  const second = await s.publish('chromium', ...where,
    { ...small, codecs: ['H264'], audio: false });
  await second.until('frames were sent', ({ video }) => video?.frames >= 45);
  await second.stop();
  await untilSegments(s, 3);
  await pipeline.interrupt();

  assert.deepEqual(pipeline.errors(), []);
  for (const { name, seconds } of (await segmentsOf(s.file('cam1.m3u8'))).slice(0, -1))
    assert.ok(Math.abs(seconds - targetSeconds) < 0.1, `${name}: ${seconds} s`);
  for (const { video } of await assertSegments(s))
    assert.deepEqual([video.width, video.height], [640, 360]);
  const played = await play(s);
  assert.ok(played.frames >= 20 && played.width === 640, JSON.stringify(played));
}, { seconds: 240 });
