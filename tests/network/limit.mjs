// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium follows max-bitrate while it publishes.
import path from 'node:path';

import { makeBusyCamera } from '../browser/lib/bitrate.mjs';
import { Program, sourceDirectory } from '../browser/lib/process.mjs';
import { scenario } from '../browser/lib/scenario.mjs';

scenario('maxBitrate_changesWhilePublishing_isFollowed', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  const most = 3_000_000;
  const server = s.adopt(new Program('/usr/bin/python3', [
    path.join(sourceDirectory, 'tests/network/lib/changeable.py'),
    `webrtcpublishsrc name=pub port=0 address=127.0.0.1 max-bitrate=${most} start-bitrate=${most}
      pub.video_cam1 ! video/x-vp8 ! fakesink pub.audio_cam1 ! opusparse ! fakesink`,
  ], { cwd: s.directory, stdin: 'pipe' }));
  const [, port] = await server.untilOutput('the server listens', /^port (\d+)$/m);
  const limit = (bitsPerSecond) => server.child.stdin.write(`max-bitrate ${bitsPerSecond}\n`);
  const publication = await s.publish('chromium', port, 'cam1', {
    browser: { cameraFile: camera }, video: { width: 640, height: 360 },
  });
  const estimated = (what, test) => publication.until(what,
    ({ availableOutgoingBitrate: estimate }) => estimate && test(estimate), { seconds: 60 });

  await estimated('there is more than the limit to come', (estimate) => estimate > 1.2e6);
  limit(500_000);
  await estimated('the estimate is the limit', (estimate) => estimate <= 500_000);
  // What was known of the line before does not lift it again.
  await publication.untilMore('video', 60);
  await estimated('the limit lasts', (estimate) => estimate <= 500_000);
  limit(most);
  await estimated('more is sent when the limit is lifted', (estimate) => estimate > 600_000);
}, { seconds: 240 });
