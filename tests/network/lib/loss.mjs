// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes out of a receiver's pad while the network loses packets.
import './before_others.mjs';

import path from 'node:path';

import { buildDirectory } from '../../browser/lib/process.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { here, publisherAndServer } from './network.mjs';

const inBuild = (program) => path.join(buildDirectory, 'tests', program);

/// webrtcpublishsrc with these properties.
export const element = (properties = {}) => [
  inBuild('network/network-receive-element'), 'address=0.0.0.0', 'ice-agent=single-port',
  ...Object.entries(properties).map((property) => property.join('=')),
];

/// A plain webrtcbin; `words` as receive_bare.cpp has them.
export const bare = (...words) =>
  [inBuild('benchmark/benchmark-receive-bare'), 'everywhere', 'vp8', ...words];

function* matches(text, pattern) {
  for (const match of text.matchAll(pattern)) yield match.slice(1).map(Number);
}

const picturesOf = (receiver) =>
  [...matches(receiver.output, /^picture (\d+) (\d) (\d+) (\d+) \d+$/gm)].map(
    ([number, key, sent, arrived]) => ({ number, key, sent: sent / 1e6, arrived: arrived / 1e6 }));

/// Those that can be decoded: each is built on the one before it, but for key frames.
export function decodable(pictures) {
  let last = null;
  return pictures.filter(({ number, key }) => {
    if (!key && number !== last + 1) return false;
    last = number;
    return true;
  });
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/// Of the pictures `first` and later, of which there were `count`. A freeze is where a sink that
/// shows each picture in time has nothing new for more than 200 ms.
function figuresOf(all, first, count, oneWaySeconds) {
  const came = all.filter(({ number }) => number >= first);
  const shown = decodable(all).filter(({ number }) => number >= first);
  const late = came.map(({ sent, arrived }) => arrived - sent - oneWaySeconds);
  return {
    complete: came.length,
    decodable: shown.length,
    freezes: shown.filter(({ sent }, i) => i > 0 && sent - shown[i - 1].sent > 0.2).length,
    lateMs: Object.fromEntries(
      [50, 95, 99].map((share) => [share, 1000 * percentile(late, share / 100)])),
  };
}

/// No more pictures have come for a second.
async function settled(pictures) {
  let [count, since] = [0, performance.now()];
  await until('the last picture came', () => {
    const now = pictures().length;
    if (now !== count) [count, since] = [now, performance.now()];
    return performance.now() > since + 1000;
  });
}

/// Pictures on their way through a relay. `receiver`: element() or bare(). `network`: the relay's
/// options, with the round trip as `rtt`, in ms.
export async function startPictures(s, receiver, { rtt = 20, ...network } = {},
  { bitrate = 1_500_000 } = {}) {
  const { server, relay } = await publisherAndServer(s, { 'delay-ms': rtt / 2, ...network });
  const [command, ...args] = receiver;
  const receiving = server.program(s, command, [...args, 'log-pictures'], { stdin: 'pipe' });
  const [, port] = await receiving.untilOutput('the receiver listens', /^port (\d+)$/m);
  const sending = here.program(s, inBuild('network/network-send'),
    [`ws://10.0.0.2:${port}/cam1/webrtc/publish`, String(bitrate)], { stdin: 'pipe' });
  const pictures = () => picturesOf(receiving);
  /// Until picture `number` or a later one came.
  const came = (number) => until(`picture ${number} came`, () => {
    if (receiving.exit || sending.exit) throw new Error('a program ended');
    return pictures().at(-1)?.number >= number;
  }, { seconds: 60 + number / 10 });
  /// Ends the media; gives how many pictures and packets of sound were sent.
  const stop = async () => {
    sending.child.stdin.write('stop\n');
    const [, ...sent] = await sending.untilOutput('the media end', /^sent (\d+) (\d+)$/m);
    return sent.map(Number);
  };
  /// How many packets of sound came out of the pad so far.
  const sounds = async () => {
    const before = receiving.output.length;
    receiving.child.stdin.write('\n');
    const count = () => receiving.output.slice(before).match(/^frames \d+ (\d+)$/m);
    return Number((await until('the receiver counts', count))[1]);
  };
  return { relay, pictures, sounds, came, stop };
}

/// What comes through when the relay begins to lose packets while media flow.
export async function measureLoss(s, receiver, { rtt = 20, loss = 0, seed = 1, ...network } = {},
  { pictures: wanted = 300, bitrate } = {}) {
  const { relay, pictures, came, stop } =
    await startPictures(s, receiver, { rtt, ...network }, { bitrate });
  await came(15);
  await relay.set({ loss, seed });
  const before = await relay.counts();
  // Pictures that are under way are not counted.
  const first = pictures().at(-1).number + Math.ceil(rtt / 30) + 2;
  await came(first + wanted - 1);
  const [sent] = await stop();
  const count = sent - first;
  // What was sent last may be asked for once more, and the jitterbuffer waits for it.
  await relay.set({ loss: 0 });
  await settled(pictures);
  const after = await relay.counts();
  return {
    ...figuresOf(pictures(), first, count, rtt / 2000), count,
    lost: after.there.lost - before.there.lost,
    packets: after.there.frames - before.there.frames,
  };
}
