// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/recipes/analyse.md: the Python program tells whose pictures it sees.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';

import { freePort } from './lib/process.mjs';
import { recipeBlock } from './lib/recipe.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

/// The program of the page, serving `port`. python3 of Debian is the one that has PyGObject.
async function startAnalysis(s, port) {
  await writeFile(s.file('analyse.py'), await recipeBlock('analyse', 'Whoever publishes', 'python',
    { "'port', 8080": `'port', ${port}` }));
  const program = s.program('/usr/bin/python3', ['analyse.py']);
  await until('the program serves', () => {
    if (program.exit) throw new Error(program.output);
    return fetch(`http://127.0.0.1:${port}/`).then(({ ok }) => ok, () => false);
  });
  return program;
}

/// The id under which the program announced the newest publisher of a stream.
async function announced(program, stream, nth = 1) {
  const added = new RegExp(`webrtc-publisher-added, stream=\\(string\\)${stream}, `
    + 'publisher-id=\\(string\\)(\\w+)', 'g');
  const ids = () => [...program.output.matchAll(added)].map(([, id]) => id);
  await until(`publisher ${nth} of ${stream} is announced`, () => ids().length >= nth);
  return ids().at(-1);
}

function pictures(program, stream, id, size) {
  const line = new RegExp(`^${stream} ${id}: ${size} brightness (\\d+)$`, 'gm');
  return [...program.output.matchAll(line)].map(([, brightness]) => Number(brightness));
}

async function untilSeen(program, stream, id, size) {
  await until(`20 pictures ${size} of ${stream} ${id}`,
    () => pictures(program, stream, id, size).length >= 20);
  // The browser's camera is dim, but not black, and never still.
  const values = pictures(program, stream, id, size);
  assert.ok(values.every((value) => value > 2 && value < 200), `${values}`);
  assert.ok(new Set(values).size > 5, `${values}`);
}

scenario('analyse_publishersComeAndGo_picturesCarryTheirNames', async (s) => {
  const port = await freePort();
  const program = await startAnalysis(s, port);
  const one = await s.publish('chromium', port, 'cam1', { video: { width: 640, height: 480 } });
  const id = await announced(program, 'cam1');
  await untilSeen(program, 'cam1', id, '640x480');
  await one.call('captureAs', 320, 240);
  await untilSeen(program, 'cam1', id, '320x240');

  await s.publish('chromium', port, 'room/cam2', {
    video: { width: 320, height: 240 }, codecs: ['VP8'], audio: false,
  });
  const other = await announced(program, 'room/cam2');
  await one.stop();
  await program.untilOutput('cam1 has left', /webrtc-publisher-removed, stream=\(string\)cam1,/);
  await untilSeen(program, 'room/cam2', other, '320x240');

  await s.publish('chromium', port, 'cam1', {
    video: { width: 320, height: 240 }, codecs: ['VP9'],
  });
  const next = await announced(program, 'cam1', 2);
  assert.notEqual(next, id);
  await untilSeen(program, 'cam1', next, '320x240');
  await program.interrupt();
  assert.doesNotMatch(program.output, /Traceback|CRITICAL/);
});
