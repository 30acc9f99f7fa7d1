// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/recipes/mix.md: four browsers that come and go, in one picture and one sound.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

import { inspect } from './lib/media.mjs';
import { recipe } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

const picturesPerSecond = 25;

// A quarter of the page's size: this machine runs the browsers too.
const smaller = {
  'xpos=640': 'xpos=320',
  'ypos=360': 'ypos=180',
  'width=640': 'width=320',
  'height=360': 'height=180',
  'width=1280,height=720': 'width=640,height=360',
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
  await until('there is a file without a publisher', async () => await written() > 4096);
  const publish = async (stream, options) => {
    const publication = await s.publish('chromium', pipeline.port, stream, {
      video: { width: 320, height: 240 }, ...options,
    });
    await publication.until('a second is sent', ({ video }) => video?.frames >= 30);
    return publication;
  };
  const a = await publish('a');
  const b = await publish('b');
  await publish('c');
  await publish('d', { audio: false });
  await a.stop();
  await pipeline.untilOutput('a has left', /webrtc-publisher-removed, stream=\(string\)a,/);
  const { video: { frames } } = await b.report();
  await b.until('another second is sent', ({ video }) => video.frames >= frames + 30);
  await publish('a', { video: { width: 640, height: 360 }, codecs: ['VP8'] });
  await pipeline.interrupt();

  assert.deepEqual(pipeline.errors(), []);
  const file = s.file('mix.mkv');
  const { video, audio } = await inspect(file);
  assert.deepEqual([video.codec, video.width, video.height, audio.codec],
    ['h264', 640, 360, 'opus']);
  assert.ok(Math.abs(video.lastPts - audio.lastPts) < 0.5,
    `the picture ends at ${video.lastPts}, the sound at ${audio.lastPts}`);
  assert.ok(video.frames >= 0.98 * picturesPerSecond * video.lastPts,
    `${video.frames} pictures in ${video.lastPts} s`);

  // The tracks do not all end in the same picture.
  const seen = (await whoIsSeen(file)).slice(0, -12);
  assert.deepEqual(seen.filter((who, i) => who !== seen[i - 1]),
    ['', 'a', 'ab', 'abc', 'abcd', 'bcd', 'abcd']);
  const begin = seen.indexOf('a') / picturesPerSecond;
  const loud = await beeps(file);
  assert.ok(loud.length > 0 && loud[0] > begin - 0.2 && loud[0] < begin + 1,
    `a is seen from ${begin} s on, and heard from ${loud[0]} s on`);
  for (let second = Math.ceil(begin) + 1; second < Math.floor(video.lastPts); second++) {
    assert.ok(loud.some((time) => Math.floor(time) === second), `silence in second ${second}`);
  }
});
