// SPDX-License-Identifier: LGPL-2.1-or-later
// docs/network.md where publishers reach the server themselves: its pipelines and files as they
// stand, on hosts with the page's addresses.
import { whyNot } from './lib/private_network.mjs';

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { connect, here, Host } from './lib/network.mjs';
import {
  documentedFile, documentedPipeline, inBoth, Internet, launched, publishFrom, untilGrown,
} from './lib/ways.mjs';
import { sourceDirectory } from '../browser/lib/process.mjs';
import { Publication } from '../browser/lib/publication.mjs';
import { scenario } from '../browser/lib/scenario.mjs';

const origin = 'http://203.0.113.10:8080';
const serverAddress = '203.0.113.10';
const skip = whyNot;

/// An internet with a publisher at 192.0.2.10.
async function internetWithPublisher(s) {
  const internet = await Internet.create(s);
  await internet.join(here, '192.0.2.10');
  return internet;
}

/// Media flow, to that end.
async function untilMediaCome(s, publication, { address, protocol = 'udp', port = 8080 }) {
  await untilGrown(s, 'cam1.mkv');
  const { ends: { remote } } = await publication.report();
  assert.deepEqual([remote.address, remote.protocol, remote.port], [address, protocol, port]);
}

/// Media flow to one of the documented ports: Firefox takes TCP now and then when it is short of
/// processor time, although UDP works.
async function untilMediaComeAnyWay(s, publication, browser) {
  await untilGrown(s, 'cam1.mkv');
  const { ends: { remote } } = await publication.report();
  const byTcp = browser === 'firefox' && remote.protocol === 'tcp';
  assert.deepEqual([remote.protocol, remote.port], byTcp ? ['tcp', 8081] : ['udp', 8080]);
}

inBoth('firewall_ofTheDocs_letsPublishersIn', async (s, browser) => {
  const internet = await internetWithPublisher(s);
  const server = await internet.site('server', serverAddress);
  await server.nft(await documentedFile('Firewall', 'nft'));
  await documentedPipeline(s, server, 'Ports to open');
  const publication = await publishFrom(s, browser, origin, 'cam1');
  await untilMediaComeAnyWay(s, publication, browser);
});

/// A server with a private address, which `forward` translates to.
async function serverBehind(internet, s, forward) {
  const server = await Host.create(s, 'server');
  await internet.nat('nat', serverAddress, { host: server, inside: '192.168.1.2', forward });
  return server;
}

scenario('oneToOneNat_externalAddress_isReached', async (s) => {
  const internet = await internetWithPublisher(s);
  const server = await serverBehind(internet, s, 'iifname wan dnat to 192.168.1.2');
  await documentedPipeline(s, server, '1:1 NAT');
  const publication = await publishFrom(s, 'chromium', origin, 'cam1');
  await untilMediaCome(s, publication, { address: serverAddress });
}, { skip });

scenario('oneToOneNat_externalHostName_isReached', async (s) => {
  await writeFile(s.file('hosts'), `127.0.0.1 localhost\n${serverAddress} media.example.org\n`);
  await here.run('mount', '--bind', s.file('hosts'), '/etc/hosts');
  s.atEnd(() => here.run('umount', '/etc/hosts'));
  const internet = await internetWithPublisher(s);
  const server = await serverBehind(internet, s, 'iifname wan dnat to 192.168.1.2');
  await documentedPipeline(s, server, '1:1 NAT', {
    'external-addresses=203.0.113.10': 'external-addresses=media.example.org',
  });
  const publication = await publishFrom(s, 'chromium', origin, 'cam1');
  await untilMediaCome(s, publication, { address: serverAddress });
}, { skip });

scenario('docker_hostNetwork_isReached', async (s) => {
  const internet = await internetWithPublisher(s);
  const server = await internet.site('server', serverAddress);
  const command = (await documentedFile('Docker', 'sh')).replaceAll('\\\n', ' ');
  await server.pipeline(s, launched(command.slice(command.indexOf('gst-launch-1.0'))));
  const publication = await publishFrom(s, 'chromium', origin, 'cam1');
  await untilMediaCome(s, publication, { address: serverAddress });
}, { skip });

/// What Docker does for the lines under `ports:`, in nft's words.
function publishedPorts(compose, address) {
  const lines = [...compose.matchAll(/- "(\d+):(\d+)(\/udp)?"/g)];
  return lines.map(([, outside, inside, udp]) =>
    `${udp ? 'udp' : 'tcp'} dport ${outside} dnat to ${address}:${inside}`).join('; ');
}

scenario('docker_publishedPorts_areReached', async (s) => {
  const compose = await documentedFile('Docker', 'yaml');
  const internet = await internetWithPublisher(s);
  const server = await serverBehind(internet, s, publishedPorts(compose, '192.168.1.2'));
  const [, command] = compose.match(/command: >\n((?: {6}.*\n)+)/);
  await server.pipeline(s, launched(command.replaceAll('\n', ' ')));
  const publication = await publishFrom(s, 'chromium', origin, 'cam1');
  await untilMediaCome(s, publication, { address: serverAddress });
}, { skip });

inBoth('ipv6_withoutIpv4_mediaFlow', async (s, browser) => {
  const server = await Host.create(s, 'server');
  await connect(s, { host: here, device: 'wan', addresses: ['2001:db8::10/64'] },
    { host: server, device: 'wan', addresses: ['2001:db8::1/64'] });
  await documentedPipeline(s, server, 'IPv6');
  const publication = await publishFrom(s, browser, 'http://[2001:db8::1]:8080', 'cam1');
  await untilMediaComeAnyWay(s, publication, browser);
});

scenario('interfaces_localAddresses_areOfferedAlone', async (s) => {
  const internet = await internetWithPublisher(s);
  const server = await internet.site('server', serverAddress);
  const office = await Host.create(s, 'office');
  await connect(s, { host: office, device: 'lan', addresses: ['192.168.1.1/24'] },
    { host: server, device: 'lan', addresses: ['192.168.1.2/24'] });
  await documentedPipeline(s, server, 'Several interfaces');
  const publication = await publishFrom(s, 'chromium', origin, 'cam1');
  const { candidates } = await publication.report();
  assert.ok(candidates.length > 0);
  assert.deepEqual([...new Set(candidates.map((each) => each.split(' ')[4]))], [serverAddress]);
  await untilMediaCome(s, publication, { address: serverAddress });
}, { skip });

inBoth('udp_isBlocked_mediaComeByTcp', async (s, browser) => {
  const internet = await internetWithPublisher(s);
  await internet.blockUdp();
  const server = await internet.site('server', serverAddress);
  await documentedPipeline(s, server, 'Ports to open');
  const publication = await publishFrom(s, browser, origin, 'cam1');
  await untilMediaCome(s, publication, { address: serverAddress, protocol: 'tcp', port: 8081 });
});

scenario('udp_isRejected_mediaComeByTcp', async (s) => {
  const internet = await internetWithPublisher(s);
  await internet.blockUdp('reject');
  const server = await internet.site('server', serverAddress);
  await documentedPipeline(s, server, 'Ports to open');
  const publication = await publishFrom(s, 'chromium', origin, 'cam1');
  await untilMediaCome(s, publication, { address: serverAddress, protocol: 'tcp', port: 8081 });
}, { skip });

// Its answers have to leave from the address that was asked.
scenario('server_secondAddressOfAnInterface_isReached', async (s) => {
  const internet = await internetWithPublisher(s);
  const server = await internet.site('server', serverAddress);
  await server.ip('addr add 203.0.113.20/24 dev wan');
  await internet.host.nft(`table ip first {
    chain pass { type filter hook forward priority filter; ip daddr ${serverAddress} drop; }
  }`);
  await documentedPipeline(s, server, 'Ports to open');
  const publication = await publishFrom(s, 'chromium', 'http://203.0.113.20:8080', 'cam1');
  await untilMediaCome(s, publication, { address: '203.0.113.20' });
}, { skip });

scenario('publishers_twoBehindOneNat_areToldApart', async (s) => {
  const internet = await Internet.create(s);
  await internet.nat('nat', '192.0.2.10', { host: here, inside: '192.168.7.2' });
  const server = await internet.site('server', serverAddress);
  const record = (name) =>
    `pub.video_${name} ! queue ! matroskamux ! filesink location=${name}.mkv`;
  await server.pipeline(s, `webrtcpublishsrc name=pub address=0.0.0.0 port=8080
    ${record('cam1')} ${record('cam2')}`);
  for (const name of ['cam1', 'cam2']) await publishFrom(s, 'chromium', origin, name);
  await Promise.all(['cam1.mkv', 'cam2.mkv'].map((name) => untilGrown(s, name)));
}, { skip });

scenario('mediaPorts_areClosed_docsNameWhatThePublisherIsTold', async (s) => {
  const internet = await internetWithPublisher(s);
  const server = await internet.site('server', serverAddress);
  await server.nft(`table inet closed {
    chain input {
      type filter hook input priority filter; udp dport 8080 drop; tcp dport 8081 drop;
    }
  }`);
  await documentedPipeline(s, server, 'Ports to open');
  const page = await s.page('chromium', `${origin}/cam1/publish`, { secureOrigin: origin });
  const publication = await Publication.start(page, 'cam1');
  const { code, reason } = await publication.untilRefused();
  const documented = await readFile(path.join(sourceDirectory, 'docs/network.md'), 'utf8');
  assert.ok(documented.includes(`\`${reason}\` (${code}`), `${code} ${reason}`);
}, { skip });

scenario('log_ofTheDocs_saysWhereThePublisherIs', async (s) => {
  const internet = await internetWithPublisher(s);
  const server = await internet.site('server', serverAddress);
  const log = await documentedPipeline(s, server, 'When somebody does not get through');
  await publishFrom(s, 'chromium', origin, 'cam1');
  await log.untilOutput('the log has the address', /is at 192\.0\.2\.10 port \d+ over UDP/);
}, { skip });

// A browser has no candidates where loopback is all there is.
scenario('ipv6_loopback_mediaFlow', async (s) => {
  const neighbour = await Host.create(s, 'neighbour');
  await connect(s, { host: here, device: 'lan', addresses: ['2001:db8::10/64'] },
    { host: neighbour, device: 'lan', addresses: ['2001:db8::1/64'] });
  await documentedPipeline(s, here, 'IPv6');
  const publication = await publishFrom(s, 'chromium', 'http://[::1]:8080', 'cam1');
  await untilGrown(s, 'cam1.mkv');
  const { candidates } = await publication.report();
  assert.ok(candidates.some((each) => each.split(' ')[4] === '::1'), String(candidates));
}, { skip });
