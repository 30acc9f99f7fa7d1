// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/recipes/record.md: files that one or several publications end up in.
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { gstMinor } from './lib/gstreamer.mjs';
import { assertRecording, frameSizes, inspect, probe } from './lib/media.mjs';
import { freePort } from './lib/process.mjs';
import { Publication } from './lib/publication.mjs';
import { recipe, recipeBlock } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { cutFragments, decodeTorn, watchLengths } from './lib/torn.mjs';
import { until } from './lib/wait.mjs';

const large = { video: { width: 640, height: 480 } };
const small = { video: { width: 320, height: 240 } };
const framesPerSecond = 30;

/// Publishes from that page until `seconds` of media were sent, and some more: what the server has
/// not yet got then, or refused before the first key frame, is none of the frames that count.
async function publish(page, options = large, seconds = 1.5) {
  const publication = await Publication.start(page, 'cam1', options);
  const isSent = ({ audio, video }) =>
    (options.video === false || video?.frames >= seconds * framesPerSecond) &&
    (options.audio === false || audio?.packets >= seconds * 50);
  const { video } = await publication.until(`${seconds} s of media were sent`, isSent);
  await publication.untilMore(options.video === false ? 'audio' : 'video', 60);
  return { publication, frames: video?.frames ?? 0 };
}

function assertSameFrames(tracks, frames) {
  assert.ok(tracks.video.frames >= 0.9 * frames,
    `${tracks.video.frames} of ${frames} sent frames are in the file`);
}

scenario('recordMatroska_publisherReturnsWithAnotherSize_sameFileGoesOn', async (s) => {
  const pipeline = await s.pipeline(await recipe('record', 'Matroska with H.264'));
  const url = `http://127.0.0.1:${pipeline.port}/cam1/publish`;
  const page = await s.page('chromium', url);
  const first = await publish(page, large);
  await page.goto(url);
  const refused = await Publication.start(page, 'cam1', { ...large, codecs: ['VP8'] });
  assert.equal((await refused.untilRefused()).code, 4406);
  const second = await publish(page, small);
  await second.publication.stop();
  await pipeline.finished();

  assert.deepEqual(pipeline.errors(), []);
  const tracks = await assertRecording(s.file('cam1.mkv'), { video: 'h264' });
  assertSameFrames(tracks, first.frames + second.frames);
  const { format } = await probe(s.file('cam1.mkv'), '-show_format');
  const last = Math.max(tracks.video.lastPts, tracks.audio.lastPts);
  assert.ok(Math.abs(format.duration - last) < 0.5,
    `the file says ${format.duration} s, what is in it ends at ${last} s`);
  assert.deepEqual([...(await frameSizes(s.file('cam1.mkv'))).keys()], ['640x480', '320x240']);
});

for (const [what, missing] of [['Sound', 'audio'], ['Picture', 'video']]) {
  scenario(`recordMatroska_publisherHasNo${what}_fileHasTheOtherTrack`, async (s) => {
    const pipeline = await s.pipeline(await recipe('record', 'Matroska with H.264'));
    const page = await s.page('chromium', `http://127.0.0.1:${pipeline.port}/cam1/publish`);
    const { publication } = await publish(page, { ...large, [missing]: false }, 1);
    await publication.stop();
    await pipeline.finished();
    const tracks = await inspect(s.file('cam1.mkv'));
    const other = missing === 'audio' ? 'video' : 'audio';
    // Since GStreamer 1.26 matroskamux waits for caps, and gets a packet of silence with them.
    if (gstMinor >= 26) assert.ok((tracks[missing]?.frames ?? 0) <= 1, JSON.stringify(tracks));
    else assert.deepEqual(Object.keys(tracks), [other]);
    assert.ok(tracks[other].frames >= 25, JSON.stringify(tracks));
  }, { skip: missing === 'video' && gstMinor >= 26 && 'its matroskamux waits for the picture' });
}

for (const [browser, codec] of [['firefox', 'vp8'], ['chromium', 'vp9']]) {
  scenario(`recordWebm_${browser}Sends${codec.toUpperCase()}_fileHasIt`, async (s) => {
    const changes = codec === 'vp8' ? {} : { 'video/x-vp8': `video/x-${codec}` };
    const pipeline = await s.pipeline(await recipe('record', 'WebM with VP8', changes));
    const page = await s.page(browser, `http://127.0.0.1:${pipeline.port}/cam1/publish`);
    const { publication, frames } = await publish(page);
    await publication.stop();
    await pipeline.finished();
    const tracks = await assertRecording(s.file('cam1.webm'), { video: codec });
    assertSameFrames(tracks, frames);
  });
}

/// Waits until so many pictures can be read from a file that is still written.
function untilOnDisk(what, file, isThere) {
  let found;
  return until(what, async () => {
    found = await decodeTorn(file);
    return isThere(found) && found;
  }, { seconds: 60, detail: () => ({ ...found, sizes: [...found.sizes] }) });
}

/// From now on, how long the files of the test's directory are; see lib/torn.mjs.
function watchFiles(s) {
  const lengths = watchLengths(s.directory);
  s.atEnd(async () => lengths.close());
  return lengths;
}

/// Whenever it is killed, nothing is left that is refused, and no end of a fragment is held back.
async function assertNeverTorn(s, file, lengths) {
  const seen = lengths.of(path.basename(file));
  const { whole, torn } = await cutFragments(file, seen);
  assert.deepEqual(torn, [], `${file} ended within a header`);
  assert.ok(whole.length > 0, `${file} never ended with a whole fragment: ${[...seen]}`);
}

scenario('recordMp4_killedAfterAChangeOfSize_playsToTheLastSecond', async (s) => {
  const lengths = watchFiles(s);
  const pipeline = await s.pipeline(await recipe('record', 'MP4 that survives kill -9'));
  const file = s.file('cam1.mp4');
  const page = await s.page('chromium', `http://127.0.0.1:${pipeline.port}/cam1/publish`);
  const { publication } = await publish(page);
  await untilOnDisk('a large picture is on disk', file, ({ sizes }) => sizes.has('640x480'));
  await publication.call('captureAs', 320, 240);
  const { video: { frames: before } } = await publication.until('a small picture is sent',
    ({ video }) => video.width === 320);
  await publication.untilMore('video', 3 * framesPerSecond);
  // With nothing behind them, what is not on disk now is what a kill takes.
  await publication.call('sendNothing', 'video');
  const { video } = await publication.report();
  const least = video.frames - before - 2 * framesPerSecond;
  const found = await untilOnDisk('all but the last two seconds are on disk', file,
    ({ sizes }) => sizes.get('320x240') >= least);
  await pipeline.destroy();

  const torn = await decodeTorn(file);
  assert.ok(torn.frames >= found.frames, `${torn.frames} of ${found.frames}: ${torn.said}`);
  assert.deepEqual([...torn.sizes.keys()], ['640x480', '320x240'], torn.said);
  await assertNeverTorn(s, file, lengths);
});

scenario('recordMp4_publisherReturnsWithAnotherSize_sameFileGoesOn', async (s) => {
  const pipeline = await s.pipeline(await recipe('record', 'MP4 that survives kill -9'));
  const url = `http://127.0.0.1:${pipeline.port}/cam1/publish`;
  const page = await s.page('chromium', url);
  const first = await publish(page, large);
  await page.goto(url);
  const second = await publish(page, small);
  await pipeline.interrupt();
  assert.deepEqual(pipeline.errors(), []);
  assertSameFrames(await assertRecording(s.file('cam1.mp4')), first.frames + second.frames);
});

/// The page's program, with the changes, recording into the test's directory.
async function startRecorder(s, changes = {}) {
  const port = await freePort();
  const text = await recipeBlock('record', 'A file for each publication', 'python',
    { 8080: String(port), ...changes });
  await writeFile(s.file('recorder.py'), text);
  const recorder = s.program('/usr/bin/python3', [s.file('recorder.py')]);
  const url = `http://127.0.0.1:${port}/cam1/publish`;
  await until('the recorder answers', () => fetch(url).then(({ ok }) => ok, () => false));
  const page = await s.page('chromium', url);
  return { recorder, page, url };
}

async function filesOf(s, ending) {
  const names = (await readdir(s.directory)).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => s.file(name));
}

scenario('recordEach_fivePublications_fivePlayableFiles', async (s) => {
  const { recorder, page, url } = await startRecorder(s);
  const publications = [
    { ...large, codecs: ['H264'] },
    { ...small, codecs: ['VP8'] },
    { ...large, audio: false },
    { video: false },
    small,
  ];
  const sent = [];
  for (const options of publications) {
    const { publication, frames } = await publish(page, options, 1.5);
    sent.push({ frames, options });
    // Each second one says goodbye, the others are reloaded.
    if (sent.length % 2) await publication.stop();
    await page.goto(url);
    if (sent.length < publications.length) {
      await recorder.untilOutput('the file is complete',
        new RegExp(`(complete: [^]*){${sent.length}}`));
    }
  }
  await recorder.interrupt();

  const files = await filesOf(s, '.mkv');
  assert.equal(files.length, publications.length, `${files}`);
  const found = await Promise.all(files.map(inspect));
  found.forEach(({ video, audio }, i) => {
    const { frames, options } = sent[i];
    assert.equal(Boolean(video), options.video !== false, `picture of file ${i}`);
    assert.equal(Boolean(audio), options.audio !== false, `sound of file ${i}`);
    if (!video) return;
    assertSameFrames({ video }, frames);
    assert.equal(video.width, options.video.width, `width of file ${i}`);
    assert.equal(video.codec, options.codecs?.[0].toLowerCase() ?? 'h264');
  });
});

scenario('recordEachAsMp4_killedWithAndWithoutSound_playsToTheLastSecond', async (s) => {
  const lengths = watchFiles(s);
  const mp4 = await recipeBlock('record', 'As MP4 that survives kill -9', 'python');
  const { recorder, page, url } = await startRecorder(s, { "ENDING = '.mkv'\n": mp4 });
  const first = await publish(page, large);
  await page.goto(url);
  const second = await publish(page, { ...small, audio: false }, 3);
  const files = await filesOf(s, '.mp4');
  assert.equal(files.length, 2, `${files}`);
  const { video } = await second.publication.report();
  const found = await untilOnDisk('all but the last two seconds are on disk', files[1],
    ({ frames }) => frames >= video.frames - 2 * framesPerSecond);
  await recorder.destroy();

  assertSameFrames(await assertRecording(files[0], { video: 'h264' }), first.frames);
  const torn = await decodeTorn(files[1]);
  assert.ok(torn.frames >= found.frames, `${torn.frames} of ${found.frames}: ${torn.said}`);
  for (const file of files) await assertNeverTorn(s, file, lengths);
});
