// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/recipes/mix.md: four browsers that come and go, in one picture and one sound.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

import { inspect } from './lib/media.mjs';
import { recipe } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { gaps } from './lib/timeline.mjs';
import { until } from './lib/wait.mjs';

const picturesPerSecond = 25;

// A quarter of the page's size: this machine runs the browsers too.
const smaller = {
  'xpos=640': 'xpos=320',
  'ypos=360': 'ypos=180',
  'width=640': 'width=320',
  'height=360': 'height=180',
  'width=1280,height=720': 'width=640,height=360',
  // The test looks into the file while it grows.
  'location=mix.mkv': 'location=mix.mkv buffer-mode=unbuffered',
};

async function decode(file, ...args) {
  const { stdout } = await promisify(execFile)('ffmpeg',
    ['-nostdin', '-v', 'error', '-i', file, ...args, '-'],
    { encoding: 'buffer', maxBuffer: 64 << 20 });
  return stdout;
}

/// For each picture whose quarters are not black, from "" to "abcd". The browser's camera is dim.
async function whoIsSeen(file) {
  const quarters = await decode(file, '-an', '-vf', 'scale=2:2:flags=area,format=gray',
    '-f', 'rawvideo');
  return Array.from({ length: quarters.length / 4 }, (_, picture) =>
    [...'abcd'].filter((_name, i) => quarters[4 * picture + i] > 1).join(''));
}

const expected = ['', 'a', 'ab', 'abc', 'abcd', 'bcd', 'abcd'];

/// How far the pictures have come in what is expected, and how many fit neither there nor to the
/// next step: where a browser is short of processor time, a quarter turns black for a moment.
function follow(seen) {
  let [step, strays] = [0, 0];
  for (const who of seen) {
    if (who === expected[step + 1]) step += 1;
    else if (who !== expected[step]) strays += 1;
  }
  return { step, strays };
}

/// When it is loud, in seconds. The browser's microphone beeps twice a second.
async function beeps(file) {
  const rate = 8000;
  const bytes = await decode(file, '-vn', '-ac', '1', '-ar', `${rate}`, '-f', 's16le');
  const samples = Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(2 * i));
  return samples.flatMap((sample, i) => (Math.abs(sample) > 8000 ? [i / rate] : []));
}

scenario('mix_fourPublishersComeAndGo_oneFileShowsThem', async (s) => {
  const pipeline = await s.pipeline(await recipe('mix', 'Four browsers', smaller));
  const written = () => stat(s.file('mix.mkv')).then(({ size }) => size, () => 0);
  await until('there is a file without a publisher', async () => await written() > 4096,
    { seconds: 60 });
  const publish = async (stream, options) => {
    const publication = await s.publish('chromium', pipeline.port, stream, {
      video: { width: 320, height: 240 }, ...options,
    });
    await publication.until('a second is sent', ({ video }) => video?.frames >= 30);
    return publication;
  };
  /// A mixer short of processor time is late.
  const untilShown = async (step) => {
    let shown;
    await until(`"${expected[step]}" is in the file`, async () => {
      shown = follow(await whoIsSeen(s.file('mix.mkv')));
      return shown.step >= step;
    }, { seconds: 60, every: 500, detail: () => shown });
  };
  const a = await publish('a');
  await untilShown(1);
  await publish('b');
  await untilShown(2);
  await publish('c');
  await untilShown(3);
  await publish('d', { audio: false });
  await untilShown(4);
  await a.stop();
  await pipeline.untilOutput('a has left', /webrtc-publisher-removed, stream=\(string\)a,/);
  await untilShown(5);
  await publish('a', { video: { width: 640, height: 360 }, codecs: ['VP8'] });
  await untilShown(6);
  await pipeline.interrupt();

  assert.deepEqual(pipeline.errors(), []);
  const file = s.file('mix.mkv');
  const { video, audio } = await inspect(file);
  assert.deepEqual([video.codec, video.width, video.height, audio.codec],
    ['h264', 640, 360, 'opus']);
  assert.ok(Math.abs(video.lastPts - audio.lastPts) < 2,
    `the picture ends at ${video.lastPts}, the sound at ${audio.lastPts}`);
  assert.ok(video.frames >= 0.98 * picturesPerSecond * video.lastPts,
    `${video.frames} pictures in ${video.lastPts} s`);

  const seen = await whoIsSeen(file);
  const { step, strays } = follow(seen);
  assert.equal(step, expected.length - 1);
  assert.ok(strays <= seen.length / 5, `${strays} of ${seen.length} pictures show somebody else`);
  const begin = seen.indexOf('a') / picturesPerSecond;
  const loud = await beeps(file);
  assert.ok(loud.length > 0 && loud[0] > begin - 0.5 && loud[0] < begin + 2,
    `a is seen from ${begin} s on, and heard from ${loud[0]} s on`);
  assert.deepEqual(gaps([...loud, video.lastPts], 5), [], 'silence');
});
