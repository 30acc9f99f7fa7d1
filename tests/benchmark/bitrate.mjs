// SPDX-License-Identifier: LGPL-2.1-or-later
// What transport-cc is worth: Chromium's bandwidth estimate with a busy picture, with the feedback
// and without it, in turn. Prints figures; needs a build in build/ (or BUILD_DIR) and what tools/test
// installs.
//
//   node tests/benchmark/bitrate.mjs
import { describeBitrate, makeBusyCamera, measureBitrate } from '../browser/lib/bitrate.mjs';
import { scenario } from '../browser/lib/scenario.mjs';

scenario('benchmark_bitrate', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  for (let round = 1; round <= 2; round++) {
    for (const transportCc of [true, false]) {
      const result = await measureBitrate(s, camera, { transportCc });
      console.log(`${transportCc ? 'with' : 'without'} transport-cc, ${describeBitrate(result)}`);
    }
  }
}, { seconds: 240 });
