// SPDX-License-Identifier: LGPL-2.1-or-later
// When something happens in a recorded file: packets, gaps, and the flashes and beeps of a beacon.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { probe } from './media.mjs';

/// A WebM file, base64, that flashes white and beeps on the left at once, for 0.1 s in every
/// second. With several threads, libvpx waits busily and takes many times as long.
export async function makeBeacon(file, seconds = 20) {
  const on = 'lt(mod(t,1),0.1)';
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error',
    '-f', 'lavfi', '-i', 'color=c=black:s=320x240:r=30,'
      + `drawbox=w=iw:h=ih:t=fill:color=white:enable='${on}'`,
    '-f', 'lavfi', '-i', `aevalsrc='if(${on},0.5*sin(2*PI*1000*t),0)|0':s=48000`,
    '-t', `${seconds}`, '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '30',
    '-b:v', '500k', '-threads', '1', '-c:a', 'libopus', '-b:a', '48k', file]);
  return readFile(file, 'base64');
}

/// The presentation times of the packets, in seconds: { video: […], audio: […] }.
export async function packetTimes(file) {
  const { packets } = await probe(file, '-show_entries', 'packet=codec_type,pts_time');
  const times = { video: [], audio: [] };
  for (const packet of packets) times[packet.codec_type].push(Number(packet.pts_time));
  return times;
}

/// Where the times leave out more than `least` seconds: [{ from, to, seconds }].
export function gaps(times, least) {
  const pairs = times.slice(1).map((to, i) => ({ from: times[i], to, seconds: to - times[i] }));
  return pairs.filter(({ seconds }) => seconds > least);
}

/// A recording that was interrupted once: the longest pause of its video that has a pause of its
/// audio next to its end, and how many pictures there are before and after. Both go on together. A
/// machine that stops makes such pauses too, so of several it is one with `least` pictures on both
/// sides.
export async function interruption(file, least = 0) {
  const times = await packetTimes(file);
  const distance = (one, other) => Math.abs(one.to - other.to);
  const silences = gaps(times.audio, 0.1);
  const found = gaps(times.video, 0.1).sort((a, b) => b.seconds - a.seconds).flatMap((video) => {
    const [audio] = [...silences].sort((a, b) => distance(a, video) - distance(b, video));
    if (!audio || distance(audio, video) > 1) return [];
    const after = times.video.filter((time) => time >= video.to).length;
    return [{ video, audio, counts: [times.video.length - after, after] }];
  });
  assert.ok(found.length > 0, `the tracks do not return together: ${JSON.stringify(
    { video: gaps(times.video, 0.1), audio: silences })}`);
  return found.find(({ counts }) => Math.min(...counts) >= least) ?? found[0];
}

/// What a filter of ffmpeg says of each frame, if it says something: [{ time, value }].
async function frameTags(source, tag) {
  const { frames } = await probe(source, '-f', 'lavfi', '-show_entries',
    `frame=pts_time:frame_tags=lavfi.${tag}`);
  return frames.map(({ pts_time: time, tags }) =>
    ({ time: Number(time), value: Number(tags?.[`lavfi.${tag}`]) }))
    .filter(({ value }) => !Number.isNaN(value));
}

/// Those that another one precedes or follows by a second. Where a track is cut, a sound may begin
/// that is none of the beacon's beeps.
function inStep(beeps) {
  return beeps.filter((beep) =>
    beeps.some((other) => Math.abs(Math.abs(other - beep) - 1) <= 0.1));
}

/// When the flashes and the beeps of a beacon begin, in seconds: { flashes: […], beeps: […] }.
export async function beacons(file) {
  const pictures = await frameTags(`movie=${file},signalstats`, 'signalstats.YAVG');
  const isWhite = ({ value }) => value > 120;
  const flashes = pictures.filter((picture, i) =>
    i > 0 && isWhite(picture) && !isWhite(pictures[i - 1]));
  const sounds = await frameTags(`amovie=${file},silencedetect=noise=-30dB:d=0.2`, 'silence_end');
  return {
    flashes: flashes.map(({ time }) => time),
    beeps: inStep(sounds.map(({ value }) => value)),
  };
}

/// How much later each beep comes than the flash next to it; those without one are left out.
export function beepDelays({ flashes, beeps }) {
  return beeps.map((beep) => {
    const [delay] = flashes.map((flash) => beep - flash)
      .sort((a, b) => Math.abs(a) - Math.abs(b));
    return { at: beep, delay };
  }).filter(({ delay }) => Math.abs(delay) < 0.5);
}

/// The loudest that each channel gets, in dB; -Infinity is silence.
export async function channelPeaks(file) {
  const peaks = [1, 2].map(async (channel) => {
    const levels = await frameTags(`amovie=${file},astats=metadata=1:reset=1`,
      `astats.${channel}.Peak_level`);
    return levels.reduce((loudest, { value }) => Math.max(loudest, value), -Infinity);
  });
  return Promise.all(peaks);
}
