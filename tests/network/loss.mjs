// SPDX-License-Identifier: LGPL-2.1-or-later
// What the network loses is asked for again, and comes in time. Where it does not, a key frame
// comes.
import { whyNot } from './lib/private_network.mjs';

import assert from 'node:assert/strict';

import { until } from '../browser/lib/wait.mjs';
import { scenario } from '../browser/lib/scenario.mjs';
import { element, measureLoss, startPictures } from './lib/loss.mjs';

// A machine that stops for a moment loses pictures too: the best of five counts.
scenario('pictures_fivePercentLossAnd80msRoundTrip_99PercentComplete', async (s) => {
  let figures;
  for (let attempt = 1; attempt <= 5; attempt++) {
    const one = await s.part();
    figures = await measureLoss(one, element(), { rtt: 80, loss: 5 });
    await one.finish();
    console.log(`# ${JSON.stringify(figures)}`);
    assert.ok(figures.lost > 60, 'too little was lost to tell');
    if (figures.complete >= 0.99 * figures.count) break;
  }
  assert.ok(figures.complete >= 0.99 * figures.count, JSON.stringify(figures));
}, { skip: whyNot });

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
