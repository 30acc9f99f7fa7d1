// SPDX-License-Identifier: LGPL-2.1-or-later
// The bandwidth estimate of a browser with a busy picture is as high as with other good servers.
import assert from 'node:assert/strict';

import { describeBitrate, makeBusyCamera, measureBitrate } from './lib/bitrate.mjs';
import { scenario } from './lib/scenario.mjs';

// The estimate follows the delay of packets, and so a machine that is busy with something else:
// the best of five counts. Without feedback it is below the bound each time.
scenario('bitrate_busyPicture_isWhatGoodServersGet', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  let result;
  for (let attempt = 1; attempt <= 5; attempt++) {
    result = await measureBitrate(s, camera);
    console.log(`# ${describeBitrate(result)}`);
    if (result.estimate >= 3e6 && result.sent >= 1.2e6) break;
  }
  assert.ok(result.estimate >= 3e6, describeBitrate(result));
  assert.ok(result.sent >= 1.2e6, describeBitrate(result));
}, { seconds: 360 });
