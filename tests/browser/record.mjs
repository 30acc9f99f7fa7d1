// SPDX-License-Identifier: LGPL-2.1-or-later
// tools/run: streams that nobody reserved, each recorded to its own file.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { assertRecording } from './lib/media.mjs';
import { sourceDirectory } from './lib/process.mjs';
import { scenario } from './lib/scenario.mjs';

async function startRecorder(s) {
  const recorder = s.program(path.join(sourceDirectory, 'tools/run'),
    ['--port', '0', '--directory', s.file('recordings')]);
  const [, port] = await recorder.untilOutput('the address is printed',
    /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/, 120);
  return { recorder, port };
}

async function recordings(s, stream) {
  const directory = s.file('recordings');
  const names = (await readdir(directory)).filter((name) =>
    name.startsWith(stream) && name.endsWith('.mkv'));
  return names.map((name) => path.join(directory, name));
}

scenario('record_twoTabsPublish_eachHasItsFile', async (s) => {
  const { recorder, port } = await startRecorder(s);
  const [one, two] = [
    await s.publish('chromium', port, 'cam1', { codecs: ['H264'] }),
    await s.publish('chromium', port, 'cam2', { codecs: ['VP8'] }),
  ];
  await one.untilConnected();
  await two.untilConnected();
  await one.untilMore('video', 120);
  await two.untilMore('video', 120);
  await one.untilMediaSent(1);
  await two.untilMediaSent(1);
  await recorder.untilOutput('cam1 is announced', /cam1.*\.mkv/);
  await recorder.untilOutput('cam2 is announced', /cam2.*\.mkv/);
  await recorder.interrupt();

  for (const [stream, codec] of [['cam1', 'h264'], ['cam2', 'vp8']]) {
    const files = await recordings(s, stream);
    assert.equal(files.length, 1, `${stream}: ${files}`);
    const { video } = await assertRecording(files[0], { video: codec });
    assert.ok(video.frames >= 80, `${stream}: ${video.frames} of 120 frames`);
  }
});

scenario('record_publisherCloses_itsFileIsCompleteAndTheOtherGoesOn', async (s) => {
  const { recorder, port } = await startRecorder(s);
  const leaver = await s.publish('chromium', port, 'room/leaver');
  const stayer = await s.publish('chromium', port, 'stayer');
  await leaver.untilMediaSent(3);
  await stayer.untilMediaSent(1);
  const before = recorder.output.length;
  await leaver.stop();
  await recorder.untilOutput('the departure is printed',
    new RegExp(`^[^]{${before}}[^]*room/leaver`));
  const files = await recordings(s, 'room');
  assert.equal(files.length, 1, `room/leaver: ${files}`);
  await assertRecording(files[0]);

  await stayer.untilMore('video', 90);
  await recorder.interrupt();
  const [file] = await recordings(s, 'stayer');
  const { video } = await assertRecording(file);
  assert.ok(video.frames >= 60, `${video.frames} frames of the publisher that stayed`);
});
