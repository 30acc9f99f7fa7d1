// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes through a network that loses packets, to the element and to a webrtcbin that is told
// to ask for retransmission and is else as it comes. Prints a table.
//
//   BUILD_DIR=build node tests/network/loss_table.mjs [OPTION=VALUE[,VALUE]…]…
//
//   receivers=element,bare   also "plain": a webrtcbin that is not told so
//   latency=200              milliseconds
//   rtt=20,80,200            milliseconds
//   loss=0,1,5,10            %, each way
//   pictures=500
import { whyNot } from './lib/private_network.mjs';

import { Scenario } from '../browser/lib/scenario.mjs';
import { bare, element, measureLoss } from './lib/loss.mjs';

const receivers = {
  element: (latency) => element({ latency }),
  bare: (latency) => bare(`latency=${latency}`),
  plain: (latency) => bare(`latency=${latency}`, 'no-nack'),
};
const options = {
  receivers: 'element,bare', latency: '200', rtt: '20,80,200', loss: '0,1,5,10', pictures: '500',
};
for (const word of process.argv.slice(2)) {
  const [name, value] = word.split('=');
  if (!(name in options) || !value) throw new Error(`'${word}' is no OPTION=VALUE`);
  options[name] = value;
}
const list = (name) => options[name].split(',');
const numbers = (name) => list(name).map(Number);

async function row(receiver, latency, rtt, loss) {
  const s = new Scenario();
  await s.start();
  try {
    const { count, complete, decodable, freezes, lateMs, packets } = await measureLoss(
      s, receivers[receiver](latency), { rtt, loss }, { pictures: numbers('pictures')[0] });
    const percent = (part) => `${(100 * part / count).toFixed(1)} %`;
    return [percent(complete), percent(decodable), freezes,
      ...[50, 95, 99].map((share) => lateMs[share].toFixed(0)), (packets / count).toFixed(2)];
  } catch (error) {
    return [error.message.split('\n')[0]];
  } finally {
    await s.finish();
  }
}

const heads = ['receiver', 'latency', 'round trip', 'loss', 'complete', 'decodable',
  'freezes > 200 ms', 'late by (median)', '95 %', '99 %', 'packets for each picture'];

if (whyNot) {
  console.log(whyNot);
} else {
  const line = (cells) => console.log(`| ${cells.join(' | ')} |`);
  line(heads);
  line(heads.map(() => '---'));
  for (const receiver of list('receivers')) {
    for (const latency of numbers('latency')) {
      for (const rtt of numbers('rtt')) {
        for (const loss of numbers('loss')) {
          line([receiver, `${latency} ms`, `${rtt} ms`, `${loss} %`,
            ...await row(receiver, latency, rtt, loss)]);
        }
      }
    }
  }
  process.exit(0);
}
