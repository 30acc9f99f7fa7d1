// SPDX-License-Identifier: LGPL-2.1-or-later
// What is in a recorded file, as ffprobe sees it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/// What a decoder says of a picture that lacks packets, or is built on one that does: a machine
/// that stops for a moment loses some. The start of a stream is no such picture.
const isOfALoss = (line) =>
  /^\[(h264|vp8|vp9) @ \w+\] /.test(line) && !/PPS|SPS|no frame|header/i.test(line);

/// ffprobe's findings; what it complains about fails, but for a picture or two that a loss has torn.
export async function probe(file, ...args) {
  const { stdout, stderr } = await run('ffprobe', ['-v', 'error', '-of', 'json', ...args, file],
    { maxBuffer: 64 << 20 });
  const complaints = stderr.split('\n').filter((line) => line);
  assert.ok(complaints.length <= 6 && complaints.every(isOfALoss),
    `${file} cannot be read to its end: ${stderr}`);
  return JSON.parse(stdout);
}

/// Decodes the whole file. { video, audio }, each { codec, width, height, frames, firstPts,
/// lastPts }, or absent.
export async function inspect(file) {
  const { streams, format } = await probe(file, '-count_frames', '-show_streams', '-show_format');
  assert.ok(Number(format.duration) > 0, `${file} was not finished: it has no duration`);
  const { packets } = await probe(file, '-show_entries', 'packet=stream_index,pts_time');
  const tracks = {};
  for (const stream of streams) {
    const times = packets.filter((packet) => packet.stream_index === stream.index)
      .map((packet) => Number(packet.pts_time));
    assert.ok(!(stream.codec_type in tracks), `${file} has two ${stream.codec_type} tracks`);
    assert.ok(times.every((time, i) => i === 0 || time >= times[i - 1]),
      `the timestamps of ${file}'s ${stream.codec_type} go back`);
    tracks[stream.codec_type] = {
      codec: stream.codec_name,
      width: stream.width,
      height: stream.height,
      channels: stream.channels,
      frames: Number(stream.nb_read_frames ?? 0),
      firstPts: times.at(0),
      lastPts: times.at(-1),
    };
  }
  return tracks;
}

/// How many decoded frames have each size: Map of "640x480" to a number, in order of appearance.
export async function frameSizes(file) {
  const { frames } = await probe(file, '-select_streams', 'v:0',
    '-show_entries', 'frame=width,height');
  const sizes = new Map();
  for (const { width, height } of frames) {
    const size = `${width}x${height}`;
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  return sizes;
}

/// The file decodes to its end, both tracks are there and begin together, as far as a browser short
/// of processor time does; gives inspect()'s result.
export async function assertRecording(file, { video, audio = 'opus', width, height } = {}) {
  const tracks = await inspect(file);
  assert.ok(tracks.video, `${file} has no video: ${JSON.stringify(tracks)}`);
  assert.ok(tracks.audio, `${file} has no audio: ${JSON.stringify(tracks)}`);
  if (video) assert.equal(tracks.video.codec, video);
  assert.equal(tracks.audio.codec, audio);
  if (width) assert.deepEqual([tracks.video.width, tracks.video.height], [width, height]);
  const apart = Math.abs(tracks.video.firstPts - tracks.audio.firstPts);
  assert.ok(apart <= 1, `audio and video begin ${apart} s apart: ${JSON.stringify(tracks)}`);
  return tracks;
}
