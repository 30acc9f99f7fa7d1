// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium sends what the link takes, and what max-bitrate and start-bitrate say.
import { whyNot } from './lib/private_network.mjs';

import assert from 'node:assert/strict';

import { makeBusyCamera } from '../browser/lib/bitrate.mjs';
import { scenario } from '../browser/lib/scenario.mjs';
import { droppedBetween, rateBetween, startBusyPicture } from './lib/bandwidth.mjs';

const describe = (samples) => JSON.stringify(samples.slice(-8).map(
  ({ seconds, estimate, picture, line }) => [seconds, estimate, picture, line.bytes, line.full]));

/// Watches until the last `span` seconds are as `test` wants them; it gets the first and the last
/// sample of them. The estimate follows the delay of packets, and so a machine that is busy with
/// something else: there is time for it to come back.
async function untilSpan(what, watch, span, test) {
  const samples = await watch(1);
  for (const begin = performance.now(); performance.now() < begin + 180_000;) {
    samples.push(...await watch(1));
    const last = samples.at(-1);
    const first = samples.findLast(({ seconds }) => seconds <= last.seconds - span);
    if (first && test(first, last)) return samples;
  }
  throw new Error(`${what}: not within 180 s: ${describe(samples)}`);
}

scenario('bitrate_linkOfOneMbitThatWidens_fillsTheLink', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  const { relay, watch } = await startBusyPicture(s, camera, { 'max-bitrate': 3_000_000 },
    { 'rate-kbit': 1000, 'delay-ms': 20 });
  await untilSpan('10 s of 0.7 to 1.0 Mbit/s, less than 2 % dropped', watch, 10, (a, b) =>
    rateBetween(a, b) >= 0.7e6 && rateBetween(a, b) <= 1.01e6 && droppedBetween(a, b) < 0.02);
  await relay.set({ 'rate-kbit': 5000 });
  await untilSpan('1.5 Mbit/s where the link is wider', watch, 2, (a, b) =>
    rateBetween(a, b) >= 1.5e6);
}, { seconds: 450, skip: whyNot });

scenario('bitrate_startAndMaxAreSet_areObeyed', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  const { connected, watch } = await startBusyPicture(s, camera,
    { 'start-bitrate': 1_800_000, 'min-bitrate': 1_000_000, 'max-bitrate': 2_000_000 });
  assert.ok(connected.availableOutgoingBitrate >= 1.5e6, JSON.stringify(connected));
  const samples = await untilSpan('80 % of max-bitrate', watch, 2, (a, b) =>
    rateBetween(a, b) >= 0.8 * 2e6);
  for (const { estimate } of samples) {
    assert.ok(estimate >= 1e6 && estimate <= 2e6, describe(samples));
  }
}, { seconds: 450, skip: whyNot });
