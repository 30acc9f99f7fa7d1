// SPDX-License-Identifier: LGPL-2.1-or-later
// Ways through networks: sites of an internet, NATs before them, and the pipelines of
// docs/network.md in them.
import { stat } from 'node:fs/promises';

import { Publication } from '../../browser/lib/publication.mjs';
import { recipeBlock } from '../../browser/lib/recipe.mjs';
import { scenario } from '../../browser/lib/scenario.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { whyNot } from './private_network.mjs';
import { connect, here, Host } from './network.mjs';

/// Sites are told apart by the first three numbers of their addresses.
const gatewayOf = (address) => address.replace(/\d+$/, '1');

async function forwards(host) {
  await host.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
}

/// Where the sites meet.
export class Internet {
  static async create(s) {
    const internet = new Internet();
    internet.s = s;
    internet.host = await Host.create(s, 'internet');
    await forwards(internet.host);
    return internet;
  }

  /// Gives `host` that public address, of a /24 of its own, on its interface `wan`. On a second
  /// interface it takes another name, and a higher metric.
  async join(host, address, { device = 'wan', metric = 100 } = {}) {
    const gateway = gatewayOf(address);
    await connect(this.s,
      { host: this.host, device: `${device}-${host.name ?? 'here'}`, addresses: [`${gateway}/24`] },
      { host, device, addresses: [`${address}/24`] });
    await host.ip(`route add default via ${gateway} metric ${metric}`);
  }

  /// From now on it lets no UDP through: it is dropped without a word, or rejected with one.
  async blockUdp(verdict = 'drop') {
    await this.host.nft(`table ip blocked {
      chain pass { type filter hook forward priority filter; meta l4proto udp ${verdict}; }
    }`);
  }

  /// From now on it notes where UDP packets to that port come from; gives what tells how many
  /// addresses (with ports) these were.
  async noteSenders(port) {
    await this.host.nft(`table ip noted {
      set senders { type ipv4_addr . inet_service; flags dynamic; size 100; }
      chain pass {
        type filter hook forward priority filter;
        udp dport ${port} add @senders { ip saddr . udp sport }
      }
    }`);
    return async () => {
      const listed = JSON.parse(await this.host.run('nft', '-j', 'list set ip noted senders'));
      return listed.nftables.find(({ set }) => set).set.elem?.length ?? 0;
    };
  }

  /// A new host with that public address.
  async site(name, address) {
    const host = await Host.create(this.s, name);
    await this.join(host, address);
    return host;
  }

  /// A NAT with that public address, and `host` behind it as `inside`, on its interface `lan`.
  /// Connections from inside get a port of their own for each destination ("symmetric", the kind
  /// that STUN alone cannot help). `forward`: more rules of nft for what comes from outside.
  async nat(name, address, { host, inside, forward = '' }) {
    const router = await this.site(name, address);
    await forwards(router);
    const gateway = gatewayOf(inside);
    await connect(this.s, { host: router, device: 'lan', addresses: [`${gateway}/24`] },
      { host, device: 'lan', addresses: [`${inside}/24`] });
    await host.ip(`route add default via ${gateway}`);
    await router.nft(`table ip nat {
      chain out { type nat hook postrouting priority srcnat; oifname wan masquerade fully-random; }
      chain in { type nat hook prerouting priority dstnat; ${forward}; }
    }`);
    return router;
  }
}

/// The first block in that language under that heading of docs/network.md.
export const documentedFile = (heading, language, changes) =>
  recipeBlock('../network', heading, language, changes);

/// A gst-launch-1.0 line, for Host.pipeline().
export const launched = (line) => line.replace(/^\s*gst-launch-1\.0( -[em]+)*/, '');

/// The gst-launch-1.0 line under that heading of docs/network.md, on `host`, where it plays.
export async function documentedPipeline(s, host, heading, changes = {}) {
  const text = await documentedFile(heading, 'sh', changes);
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const line = lines.find((one) => one.startsWith('gst-launch-1.0'));
  return host.pipeline(s, launched(line));
}

/// A page of the server, whose origin is taken for a secure one, publishes `stream`.
export async function publishFrom(s, browser, origin, stream, options = {}) {
  const page = await s.page(browser, `${origin}/${stream}/publish`, { secureOrigin: origin });
  const publication = await Publication.start(page, stream, options);
  await publication.untilConnected();
  return publication;
}

/// The file NAME of the test's directory grows by so many bytes.
export async function untilGrown(s, name, bytes = 60_000) {
  const size = async () => (await stat(s.file(name)).catch(() => ({ size: 0 }))).size;
  const before = await size();
  await until(`${name} grows`, async () => await size() >= before + bytes, { detail: size });
}

/// A test for each browser, one after the other: both are on the host `here`.
export function inBoth(name, body) {
  for (const browser of ['chromium', 'firefox'])
    scenario(`${name} (${browser})`, (s) => body(s, browser), { skip: whyNot });
}
