// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/network.md where publishers cannot reach the server: both are behind NATs that give each
// destination a port of its own, with Debian's coturn on the internet between them.
import { whyNot } from './lib/private_network.mjs';

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';

import { here, Host } from './lib/network.mjs';
import {
  documentedFile, documentedPipeline, Internet, publishFrom, untilGrown,
} from './lib/ways.mjs';
import { pressPublish, untilState } from '../browser/lib/publish_page.mjs';
import { scenario } from '../browser/lib/scenario.mjs';

const heading = 'A server behind a NAT';
const origin = 'http://203.0.113.10:8080';
const turnAddress = '198.51.100.10';
const iceServers = [{ urls: `stun:${turnAddress}:3478` }];

/// The TURN server of docs/network.md.
async function startCoturn(s, internet) {
  const host = await internet.site('turn', turnAddress);
  await writeFile(s.file('turnserver.conf'), await documentedFile(heading, 'conf'));
  const coturn = host.program(s, 'turnserver', ['-c', s.file('turnserver.conf'),
    '--log-file=stdout', '--verbose', `--pidfile=${s.file('pid')}`, `--userdb=${s.file('db')}`]);
  await coturn.untilOutput('coturn listens', /UDP listener opened/);
}

/// Two private networks and a TURN server; gives the host of the pipeline. Its signalling alone is
/// forwarded to it.
async function startServer(s, changes) {
  const internet = await Internet.create(s);
  const server = await Host.create(s, 'server');
  await internet.nat('server-nat', '203.0.113.10', {
    host: server, inside: '192.168.1.2', forward: 'iifname wan tcp dport 8080 dnat to 192.168.1.2',
  });
  await internet.nat('here-nat', '192.0.2.10', { host: here, inside: '192.168.7.2' });
  await startCoturn(s, internet);
  await documentedPipeline(s, server, heading, changes);
  return server;
}

async function publish(s) {
  const publication = await publishFrom(s, 'chromium', origin, 'cam1', { iceServers });
  await untilGrown(s, 'cam1.mkv');
  const { ends: { remote } } = await publication.report();
  assert.deepEqual([remote.type, remote.address], ['relay', turnAddress]);
  return publication;
}

scenario('turn_bothBehindNats_mediaAreRelayedThroughTheRangeOfPorts', async (s) => {
  const server = await startServer(s);
  await publish(s);
  const sockets = await server.run('ss', '-Huan');
  const ports = [...sockets.matchAll(/192\.168\.1\.2\S*:(\d+) /g)].map(([, port]) => Number(port));
  assert.ok(ports.length > 0, sockets);
  assert.ok(ports.every((port) => port >= 50000 && port <= 50100), sockets);
}, { skip: whyNot });

scenario('turn_publishPage_learnsTheStunServer', async (s) => {
  await startServer(s);
  const page = await s.page('chromium', `${origin}/cam1/publish`, { secureOrigin: origin });
  await pressPublish(page);
  await untilState(page, 'live');
  await untilGrown(s, 'cam1.mkv');
  const { headers } = await fetch(page.url());
  assert.equal(headers.get('Link'), `<stun:${turnAddress}:3478>; rel="ice-server"`,
    'and no password');
}, { skip: whyNot });

scenario('turn_relayPolicy_offersNothingElse', async (s) => {
  await startServer(s, { 'ice-agent=libnice': 'ice-agent=libnice ice-transport-policy=relay' });
  const { candidates } = await (await publish(s)).report();
  assert.ok(candidates.length > 0);
  assert.deepEqual(candidates.filter((each) => !each.includes(' typ relay')), []);
}, { skip: whyNot });

scenario('turn_serversUdpIsBlocked_isReachedByTcp', async (s) => {
  const server = await startServer(s, { ':3478 \\\n    pub': ':3478?transport=tcp pub' });
  await server.nft(`table ip blocked {
    chain out { type filter hook output priority filter; meta l4proto udp drop; }
  }`);
  await publish(s);
}, { skip: whyNot });
