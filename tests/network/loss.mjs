// SPDX-License-Identifier: LGPL-2.1-or-later
// What the network loses is asked for again, and comes in time. Where it does not, a key frame
// comes.
import { whyNot } from './lib/private_network.mjs';

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { makeBusyCamera } from '../browser/lib/bitrate.mjs';
import { scenario } from '../browser/lib/scenario.mjs';
import { until } from '../browser/lib/wait.mjs';
import { measureBrowserLoss } from './lib/browser_loss.mjs';
import { element, measureLoss, startPictures } from './lib/loss.mjs';
import { publisherAndServer } from './lib/network.mjs';

/// A machine that stops for a moment loses pictures too, and a browser breaks off what it loads when
/// it notes the new network late: the best of six counts.
async function expectComplete(s, measure) {
  let failure;
  for (let attempt = 1; attempt <= 6; attempt++) {
    const one = await s.part();
    try {
      const figures = await measure(one);
      console.log(`# ${JSON.stringify(figures)}`);
      assert.ok(figures.lost > 40, 'too little was lost to tell');
      assert.ok(figures.complete >= 0.99 * figures.count, JSON.stringify(figures));
      return figures;
    } catch (error) {
      failure = error;
      console.log(`# ${error.message.split('\n')[0]}`);
    } finally {
      await one.finish();
    }
  }
  throw failure;
}

scenario('pictures_fivePercentLossAnd80msRoundTrip_99PercentComplete',
  (s) => expectComplete(s, (one) => measureLoss(one, element(), { rtt: 80, loss: 5 })),
  { skip: whyNot });

scenario('pictures_fivePercentLossAnd80msRoundTrip_99PercentComplete (chromium)', async (s) => {
  const camera = s.file('camera.mjpeg');
  await makeBusyCamera(camera);
  const network = await publisherAndServer(s, { 'delay-ms': 40 });
  const { sentAgain } = await expectComplete(s, (one) =>
    measureBrowserLoss(one, network, camera, { loss: 5 }, { bitrate: 750_000 }));
  assert.ok(sentAgain > 0, 'nothing was sent again');
}, { seconds: 300, skip: whyNot });

// The sender makes no key frame that it is not asked for.
scenario('keyframe_requestLost_isAskedForAgain', async (s) => {
  const { relay, pictures, came } = await startPictures(s, element());
  await came(15);
  await relay.set({ loss: 5, 'loss-back': 100 });
  const gap = () =>
    pictures().find(({ number }, i, all) => i > 0 && number > all[i - 1].number + 1);
  await until('a picture is missing', gap);
  await relay.set({ loss: 0, 'loss-back': 0 });
  const { number: broken } = gap();
  await until('a key frame comes', () =>
    pictures().some(({ number, key }) => key && number >= broken));
}, { skip: whyNot });

/// How much sound is missing after the network has stood still for so many ms.
async function missingSound(s, ms) {
  const { relay, sounds, came, stop } = await startPictures(s, element());
  await came(30);
  await relay.set({ hold: 1 });
  await pause(ms);
  await relay.set({ hold: 0 });
  await came(120);
  const [, sent] = await stop();
  const missing = async () => sent - await sounds();
  return until('all sound is there', async () => await missing() <= 0, { seconds: 5 })
    .then(() => 0, missing);
}

// Longer than `latency`. After two seconds, the machine's own stops included, the pad has told that
// there is silence; so the best of three counts.
scenario('sound_networkStandsStillForAMoment_isAllThere', async (s) => {
  let missing;
  for (let attempt = 1; attempt <= 3 && missing !== 0; attempt++) {
    const one = await s.part();
    missing = await missingSound(one, 800);
    await one.finish();
  }
  assert.equal(missing, 0);
}, { skip: whyNot });
