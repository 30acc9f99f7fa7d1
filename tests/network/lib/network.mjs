// SPDX-License-Identifier: LGPL-2.1-or-later
// Hosts, which are network namespaces, and the cables between them. The test itself, and with it
// every browser that it starts, is on the host `here`.
import './private_network.mjs';

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';

import { buildDirectory, Program } from '../../browser/lib/process.mjs';
import { until } from '../../browser/lib/wait.mjs';

const execute = promisify(execFile);

export class Host {
  /// `name`: of the namespace; none: the one that the test runs in.
  constructor(name) {
    this.name = name;
  }

  /// A new host, with a loopback interface that is up. It ends with the test `s` (a Scenario).
  static async create(s, name) {
    await execute('ip', ['netns', 'add', name]);
    s.atEnd(() => execute('ip', ['netns', 'del', name]));
    const host = new Host(name);
    await host.ip('link set lo up');
    return host;
  }

  #inside(command, args) {
    return this.name ? ['ip', ['netns', 'exec', this.name, command, ...args]] : [command, args];
  }

  /// Runs a program to its end, gives what it printed. Fails where the program does.
  async run(command, ...args) {
    return (await execute(...this.#inside(command, args))).stdout;
  }

  /// ip(8), its words in one string: ip('route add default via 10.0.0.1').
  ip(words) {
    return this.run('ip', ...words.split(' '));
  }

  /// nft(8) with a whole table as text.
  nft(rules) {
    return this.run('nft', rules);
  }

  /// A program that runs until the test ends, or ends it; see Program.
  program(s, command, args, options) {
    return s.adopt(new Program(...this.#inside(command, args), { cwd: s.directory, ...options }));
  }

  /// gst-launch-1.0 -e with this pipeline, whose server listens.
  async pipeline(s, description) {
    const program = this.program(s, 'gst-launch-1.0',
      ['-e', '-m', ...description.trim().split(/\s+/)]);
    await program.untilOutput('the pipeline plays', /Setting pipeline to PLAYING/);
    return program;
  }
}

/// Where the test and its browsers are.
export const here = new Host();

/// The end of a cable: its interface gets `device` as its name, and `addresses` ("10.0.0.1/24").
async function attach(host, { device, addresses = [] }) {
  await host.ip(`link set ${device} up`);
  for (const address of addresses) {
    // Duplicates are looked for for seconds, in which the address is of no use.
    await host.ip(`addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
  }
}

/// A cable between two hosts; each end: { host, device, addresses }.
export async function connect(s, ...ends) {
  const [a, b] = ends.map(({ host, device }) =>
    `${device}${host.name ? ` netns ${host.name}` : ''}`);
  await execute('ip', `link add ${a} type veth peer name ${b}`.split(' '));
  s.atEnd(() => ends[0].host.ip(`link del ${ends[0].device}`));
  for (const end of ends) await attach(end.host, end);
}

/// A cable with a relay in the middle, which is a host of its own called `name`. `options` as
/// relay.cpp has them: { 'delay-ms': 40, loss: 5 }.
export class Relay {
  static async connect(s, name, ends, options = {}) {
    const relay = new Relay();
    const host = await Host.create(s, name);
    const sides = ['first', 'second'];
    for (const [i, end] of ends.entries()) {
      await connect(s, { host, device: sides[i] }, end);
      // What the relay loses are packets, not the bundles that the kernel makes of them.
      await end.host.ip(`link set ${end.device} gso_max_segs 1`);
    }
    const words = Object.entries(options).map((option) => option.join('='));
    relay.program = host.program(s, path.join(buildDirectory, 'tests/network/network-relay'),
      [...sides, ...words], { stdin: 'pipe' });
    await relay.program.untilOutput('the relay is ready', /^ready$/m);
    return relay;
  }

  async #ask(line) {
    const before = this.program.output.length;
    this.program.child.stdin.write(`${line}\n`);
    await until(`the relay obeys '${line}'`,
      () => this.program.output.indexOf('done\n', before) >= 0, { every: 5 });
    return this.program.output.slice(before);
  }

  /// From now on these options are so; the others stay.
  async set(options) {
    await this.#ask(Object.entries(options).map((option) => option.join('=')).join(' '));
  }

  /// { there, back }, each { frames, bytes, lost, reordered, full, refused }; `there` is from the
  /// first end to the second.
  async counts() {
    return JSON.parse((await this.#ask('counts')).match(/^counts (.*)$/m)[1]);
  }
}

/// The usual case: `here` (10.0.0.1, fd00::1) and a host `server` (10.0.0.2, fd00::2), with a relay
/// between them. Each is the other's way to everywhere else.
export async function publisherAndServer(s, options) {
  const server = await Host.create(s, 'server');
  const ends = [
    { host: here, device: 'net', addresses: ['10.0.0.1/24', 'fd00::1/64'] },
    { host: server, device: 'net', addresses: ['10.0.0.2/24', 'fd00::2/64'] },
  ];
  const relay = await Relay.connect(s, 'relay', ends, options);
  await here.ip('route add default via 10.0.0.2');
  await server.ip('route add default via 10.0.0.1');
  return { server, relay };
}
