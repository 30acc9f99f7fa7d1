// SPDX-License-Identifier: LGPL-2.1-or-later
// What Chromium sends with a busy picture of 1280x720: on a free link, with hints and without them,
// and on one of 1 Mbit/s that widens. Prints figures.
//
//   BUILD_DIR=build node tests/network/bandwidth_table.mjs
import { whyNot } from './lib/private_network.mjs';

import { makeBusyCamera } from '../browser/lib/bitrate.mjs';
import { Scenario } from '../browser/lib/scenario.mjs';
import { droppedBetween, rateBetween, startBusyPicture } from './lib/bandwidth.mjs';

const rows = [
  { title: 'free link, all as it is', properties: {}, phases: [[20]] },
  ...[2e6, 3e6, 5e6].map((max) => ({
    title: `free link, start-bitrate=${max} min-bitrate=${max / 2} max-bitrate=${max}`,
    properties: { 'start-bitrate': max, 'min-bitrate': max / 2, 'max-bitrate': max },
    phases: [[15]],
  })),
  {
    title: '1 Mbit/s for 30 s, then 5, max-bitrate=3000000', properties: { 'max-bitrate': 3e6 },
    network: { 'rate-kbit': 1000, 'delay-ms': 20 }, phases: [[30], [40, { 'rate-kbit': 5000 }]],
  },
  {
    title: '1 Mbit/s, min-bitrate=1500000', properties: { 'min-bitrate': 1.5e6 },
    network: { 'rate-kbit': 1000, 'delay-ms': 20 }, phases: [[15]],
  },
];

function printSeconds(samples) {
  for (let i = 0, j = 1; j < samples.length; j++) {
    const [a, b] = [samples[i], samples[j]];
    if (b.seconds - a.seconds < 0.9) continue;
    i = j;
    const mbit = (bitsPerSecond) => (bitsPerSecond / 1e6).toFixed(2);
    console.log(`${b.seconds.toFixed(1).padStart(6)} s: ${mbit(rateBetween(a, b))} Mbit/s`
      + ` on the line, ${(100 * droppedBetween(a, b)).toFixed(1)} % dropped,`
      + ` estimate ${mbit(b.estimate)}, ${b.picture} at`
      + ` ${((b.frames - a.frames) / (b.seconds - a.seconds)).toFixed(0)}/s`);
  }
}

async function run({ title, properties, network, phases }) {
  const s = new Scenario();
  await s.start();
  try {
    console.log(`\n## ${title}`);
    const camera = s.file('camera.mjpeg');
    await makeBusyCamera(camera);
    const { relay, watch } = await startBusyPicture(s, camera, properties, network);
    for (const [seconds, change] of phases) {
      if (change) await relay.set(change);
      printSeconds(await watch(seconds));
    }
  } catch (error) {
    console.log(error.message);
  } finally {
    await s.finish();
  }
}

if (whyNot) {
  console.log(whyNot);
} else {
  for (const row of rows) await run(row);
  process.exit(0);
}
