// SPDX-License-Identifier: LGPL-2.1-or-later
// Files whose end is missing, since the program that wrote them was killed.
import { execFile } from 'node:child_process';
import { statSync, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/// What can be decoded of a file: { frames, sizes: a Map of "640x480" to a number of frames, said:
/// ffprobe's complaints }. Nothing can, if ffprobe refuses the file.
export async function decodeTorn(file) {
  const { stdout, stderr } = await promisify(execFile)('ffprobe', ['-v', 'error', '-of', 'csv=p=0',
    '-select_streams', 'v:0', '-show_entries', 'frame=width,height', file],
  { maxBuffer: 1 << 24 }).catch((error) => error);
  const sizes = new Map();
  const found = [...(stdout ?? '').matchAll(/^(\d+),(\d+)/gm)];
  for (const [, width, height] of found) {
    const size = `${width}x${height}`;
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  return { frames: found.length, sizes, said: stderr };
}

/// Notes how long the files of a directory are while they grow. Each length is what a kill would
/// have left. { of(name): a Set, close() }.
export function watchLengths(directory) {
  const lengths = new Map();
  const watcher = watch(directory, (event, name) => {
    const found = statSync(path.join(directory, name), { throwIfNoEntry: false });
    if (!found) return;
    if (!lengths.has(name)) lengths.set(name, new Set());
    lengths.get(name).add(found.size);
  });
  return { of: (name) => lengths.get(name) ?? new Set(), close: () => watcher.close() };
}

/// With which of the lengths an MP4 file ends with a whole fragment, and with which within the
/// header of one, so that ffmpeg refuses it: { whole, torn }.
export async function cutFragments(file, lengths) {
  const bytes = await readFile(file);
  const [whole, torn] = [[], []];
  for (let at = 0, end; at + 8 <= bytes.length; at = end) {
    const begin = at;
    const name = bytes.toString('latin1', at + 4, at + 8);
    end = at + Math.max(8, bytes.readUInt32BE(at));
    if (name === 'mdat' && lengths.has(end)) whole.push(end);
    if (name === 'moof')
      torn.push(...[...lengths].filter((length) => length > begin && length < end));
  }
  return { whole, torn };
}
