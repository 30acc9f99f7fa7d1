// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher whose address changes while it publishes, or that restarts ICE: media go on at the
// pad, and nobody notices a new publisher.
import { whyNot } from './lib/private_network.mjs';

import assert from 'node:assert/strict';

import { here } from './lib/network.mjs';
import { documentedPipeline, Internet, publishFrom, untilGrown } from './lib/ways.mjs';
import { probe } from '../browser/lib/media.mjs';
import { messages } from '../browser/lib/recorder.mjs';
import { scenario } from '../browser/lib/scenario.mjs';
import { until } from '../browser/lib/wait.mjs';
import { WhipPublication } from '../browser/lib/whip.mjs';

const origin = 'http://203.0.113.10:8080';

/// Each is a publication with restart(), which is restartIce() and the exchange after it, and with
/// moreFrames().
const doors = {
  async websocket(s, browser) {
    const publication = await publishFrom(s, browser, origin, 'cam1');
    return Object.assign(publication, {
      restart: () => publication.call('newOffer', { restart: true }),
      moreFrames: () => publication.untilMore('video', 60),
    });
  },
  async whip(s, browser) {
    const page = await s.page(browser, `${origin}/cam1/publish`, { secureOrigin: origin });
    const publication = await WhipPublication.start(page, '/cam1/whip');
    await publication.untilConnected();
    return Object.assign(publication, {
      async restart() {
        const { status } = await publication.call('restart', '*');
        assert.equal(status, 200);
      },
      moreFrames: () => publication.untilMore(60, 0),
    });
  },
};

/// The longest time between two pictures of the file, in seconds.
async function longestGap(file) {
  const { packets } = await probe(file, '-select_streams', 'v', '-show_entries', 'packet=pts_time');
  const times = packets.map(({ pts_time: time }) => Number(time)).sort((a, b) => a - b);
  return Math.max(...times.slice(1).map((time, i) => time - times[i]));
}

/// Declares a test: `change` is made in mid-stream, and the pad goes on with the same publisher.
/// `start` makes the publisher's side of the internet.
function goesOn(name, { browser, door, start, change }) {
  scenario(`${name}_mediaGoOn (${browser}, ${door})`, async (s) => {
    const internet = await Internet.create(s);
    const server = await internet.site('server', '203.0.113.10');
    const network = await start(internet);
    // How long it takes is the browser's affair, and the machine's.
    const pipeline = await documentedPipeline(s, server, 'Ports to open',
      { 'port=8080': 'port=8080 inactivity-timeout=60000' });
    const publication = await doors[door](s, browser);
    await untilGrown(s, 'cam1.mkv');
    await change(publication, network);
    await publication.moreFrames();
    await untilGrown(s, 'cam1.mkv');
    assert.equal(messages(pipeline, 'webrtc-publisher-added'), 1);
    assert.equal(messages(pipeline, 'webrtc-publisher-removed'), 0);
    await pipeline.interrupt();
    const gap = await longestGap(s.file('cam1.mkv'));
    console.log(`# ${browser}, ${door}: no picture for ${gap.toFixed(3)} s`);
  }, { skip: whyNot });
}

const behindNat = (internet) =>
  internet.nat('nat', '192.0.2.10', { host: here, inside: '192.168.7.2' });

/// From now on everything belongs to another zone, where nothing is known of before: connections
/// get another port outside.
const forget = (nat) => nat.nft(`table ip forgetful {
  chain in { type filter hook prerouting priority raw; ct zone set 7; }
}`);

/// `change` makes the NAT before the publisher send from elsewhere.
function natGoesOn(name, browser, door, change) {
  goesOn(name, {
    browser,
    door,
    async start(internet) {
      const nat = await behindNat(internet);
      return { nat, senders: await internet.noteSenders(8080) };
    },
    async change(publication, { nat, senders }) {
      assert.equal(await senders(), 1);
      await change(nat);
      await until('media come from elsewhere', async () => await senders() > 1);
    },
  });
}

natGoesOn('nat_forgetsThePublisher', 'chromium', 'websocket', forget);
natGoesOn('nat_forgetsThePublisher', 'firefox', 'whip', forget);
natGoesOn('nat_newPublicAddress', 'chromium', 'websocket', async (nat) => {
  await nat.ip('addr del 192.0.2.10/24 dev wan');
  await nat.ip('addr add 192.0.2.11/24 dev wan');
  await nat.ip('route add default via 192.0.2.1');
});

for (const browser of ['chromium', 'firefox']) {
  for (const door of Object.keys(doors)) {
    goesOn('restart_fromThePage', {
      browser,
      door,
      start: (internet) => internet.join(here, '192.0.2.10'),
      async change(publication) {
        const { path: before } = await publication.report();
        await publication.restart();
        await publication.until('another path is taken', ({ path }) => path && path !== before);
      },
    });
  }
}

const twoInterfaces = async (internet) => {
  await internet.join(here, '192.0.2.10');
  await internet.join(here, '198.51.100.20', { device: 'wan2', metric: 200 });
};

/// As when a cable is pulled.
async function lose(device) {
  await here.ip(`addr flush dev ${device}`);
  await here.ip(`link set ${device} down`);
}

goesOn('interfaces_theOneInUseGoesDown', {
  browser: 'chromium',
  door: 'websocket',
  start: twoInterfaces,
  async change(publication) {
    const { ends: { local: { address } } } = await publication.report();
    await lose(address === '192.0.2.10' ? 'wan' : 'wan2');
    await publication.until('the other one is used', ({ ends: { local } }) =>
      local.address !== address);
  },
});

// Firefox has one candidate, the default route's, and takes another network with a restart.
goesOn('interfaces_theOneInUseGoesDownBeforeARestart', {
  browser: 'firefox',
  door: 'whip',
  start: twoInterfaces,
  async change(publication) {
    await lose('wan');
    await publication.until('the path is lost', ({ ice }) => ice === 'disconnected');
    await publication.restart();
    await publication.until('it is connected again', ({ ice }) => ice === 'connected');
  },
});

goesOn('tcp_natForgetsThePublisher', {
  browser: 'chromium',
  door: 'websocket',
  async start(internet) {
    await internet.blockUdp();
    return behindNat(internet);
  },
  async change(publication, nat) {
    const port = ({ ends }) => ends?.local.port;
    const before = port(await publication.report());
    await forget(nat);
    await publication.until('there is another connection', (now) =>
      port(now) && port(now) !== before);
  },
});

goesOn('udp_isBlockedBeforeARestart', {
  browser: 'chromium',
  door: 'websocket',
  async start(internet) {
    await internet.join(here, '192.0.2.10');
    return internet;
  },
  async change(publication, internet) {
    await internet.blockUdp();
    await publication.restart();
    await publication.until('media go by TCP', ({ ends }) => ends?.remote.protocol === 'tcp');
  },
});
