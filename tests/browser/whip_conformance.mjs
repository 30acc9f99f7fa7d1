// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9725, section by section: requests, SDP and candidates, and docs/whip-conformance.md, which
// names these cases and those of whip_conformance_media.mjs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { sourceDirectory } from './lib/process.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';
import {
  ask, askRaw, browserOffer, candidateAt, checkedPort, credentials, fragment, fragmentType,
  newCredentials, openSession, patch, post, readSdp, sdpType, startWhip, statusOf, takeBoth,
  withChecks,
} from './lib/whip.mjs';

// 4.1 HTTP usage

scenario('whip_getOrHead_isEmptySuccess', async (s) => {
  const server = await startWhip(s);
  const { url } = await openSession(server);
  for (const where of ['/cam/whip', url]) {
    for (const method of ['GET', 'HEAD']) {
      const { status, body, headers } = await ask(server, method, where);
      assert.deepEqual([status, body], [204, ''], `${method} ${where}`);
      assert.equal(headers['content-type'], undefined);
    }
  }
});

// 4.2 Ingest session set-up

scenario('whip_offer_isAnsweredWithTheSdpAlone', async (s) => {
  const server = await startWhip(s);
  const offer = await browserOffer('chromium-sendonly');
  const { status, headers, body } = await askRaw(server, [
    'POST /cam/whip HTTP/1.1', 'Host: localhost', `Content-Type: ${sdpType}`,
    `Content-Length: ${offer.length}`, 'Connection: close', '', offer].join('\r\n'));
  assert.equal(status, 201);
  assert.equal(headers['content-type'], sdpType);
  assert.equal(headers['accept-patch'], fragmentType);
  assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
  assert.match(body, /^v=0\r\n[^]*\r\n$/);
  for (const line of body.slice(0, -2).split('\r\n')) assert.match(line, /^[a-z]=\S/, line);

  const { pathname } = new URL(headers.location, `http://localhost:${server.port}/cam/whip`);
  assert.match(pathname, /^\/cam\/whip\/[0-9a-f]{32}$/);
  assert.equal(headers['x-sid'], pathname.slice(-32));
  assert.equal(await statusOf(server, pathname), 204);
});

/// RFC 9429, section 5.3.1, as far as it can be seen from outside.
function assertAnswers(answer, offer, name) {
  const [ours, theirs] = [readSdp(answer), readSdp(offer)];
  assert.equal(ours.media.length, theirs.media.length, `${name}: sections`);
  const mids = ours.media.map((section) => section.get('mid'));
  assert.deepEqual(mids, theirs.media.map((section) => section.get('mid')), name);
  ours.media.forEach((section, i) => {
    const offered = theirs.media[i];
    assert.deepEqual([section.kind, section.protocol], [offered.kind, offered.protocol], name);
    for (const format of section.formats)
      assert.ok(offered.formats.includes(format), `${name}: ${format} was not offered`);
    for (const rtpmap of section.all('rtpmap'))
      assert.ok(offered.all('rtpmap').includes(rtpmap), `${name}: ${rtpmap} was not offered`);
    for (const extension of section.all('extmap'))
      assert.ok(offered.all('extmap').includes(extension), `${name}: ${extension}`);
    assert.match(section.get('setup'), /^(active|passive)$/, name);
    assert.match(section.get('fingerprint'), /^sha-(256|384|512) ([0-9A-F]{2}:)+[0-9A-F]{2}$/);
    assert.match(section.get('ice-ufrag'), /^[\w+/]{4,256}$/);
    assert.match(section.get('ice-pwd'), /^[\w+/]{22,256}$/);
  });
}

const browserOffers = ['chromium', 'firefox'].flatMap((browser) =>
  ['sendonly', 'sendrecv', 'camera', 'bundle-only', 'audio-only', 'simulcast', 'datachannel-first']
    .map((kind) => `${browser}-${kind}`));

scenario('whip_answer_followsTheOfferAndReceivesOnly', async (s) => {
  const server = await startWhip(s);
  for (const name of browserOffers) {
    const { body, offer, url } = await openSession(server, { offer: name });
    assertAnswers(body, offer, name);
    for (const section of readSdp(body).media) {
      const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive'].filter((direction) =>
        section.get(direction) === '');
      const wanted = section.kind === 'application' ? ['inactive'] : ['recvonly'];
      assert.deepEqual(directions, wanted, `${name}: ${section.kind}`);
    }
    assert.equal(await statusOf(server, url, 'DELETE'), 200);
  }
});

scenario('whip_postOfAnotherType_is415', async (s) => {
  const server = await startWhip(s);
  const offer = await browserOffer('chromium-sendonly');
  for (const type of ['application/json', 'text/plain', fragmentType, 'application/sdpx', null]) {
    const { status, headers } = await post(server, 'cam', offer, { type });
    assert.deepEqual([status, headers['accept-post']], [415, sdpType], `${type}`);
  }
  for (const type of ['Application/SDP', 'application/sdp; charset=utf-8'])
    assert.equal((await post(server, 'cam', offer, { type })).status, 201, type);
});

scenario('whip_brokenOffer_is400', async (s) => {
  const server = await startWhip(s);
  const offer = await browserOffer('chromium-sendonly');
  for (const [what, broken] of [
    ['nothing', ''], ['no SDP', 'hello'], ['JSON', JSON.stringify({ type: 'offer', sdp: offer })],
    ['half', offer.slice(0, offer.length / 5)], ['no v=', offer.replace('v=0\r\n', '')],
    ['no credentials', offer.replaceAll(/^a=ice-(ufrag|pwd):.*\r\n/mg, '')],
    ['no fingerprint', offer.replaceAll(/^a=fingerprint:.*\r\n/mg, '')],
  ]) {
    const { status, headers, body } = await post(server, 'cam', broken);
    assert.equal(status, 400, what);
    assert.equal(headers.location, undefined);
    assert.match(headers['content-type'], /^text\/plain/);
    assert.match(body, /^[^\r\n]{10,}\n?$/, what);
  }
});

scenario('whip_options_allowsCrossOriginRequests', async (s) => {
  const origin = 'https://studio.example';
  const server = await startWhip(s, `allowed-origins=${origin}`);
  const { url } = await openSession(server);
  for (const [where, methods] of [['/cam/whip', ['post']], [url, ['patch', 'delete']]]) {
    const { status, headers } = await ask(server, 'OPTIONS', where, {
      headers: {
        Origin: origin, 'Access-Control-Request-Method': methods[0].toUpperCase(),
        'Access-Control-Request-Headers': 'authorization,content-type,if-match',
      },
    });
    const list = (name) => headers[`access-control-allow-${name}`].toLowerCase().split(/, */);
    assert.equal(status, 200, where);
    if (where === '/cam/whip') assert.equal(headers['accept-post'], sdpType);
    else assert.equal(headers['accept-patch'], fragmentType);
    assert.deepEqual(list('origin'), [origin]);
    assert.match(headers.vary, /\borigin\b/i);
    for (const name of ['authorization', 'content-type', 'if-match'])
      assert.ok(list('headers').includes(name), name);
    for (const name of methods) assert.ok(list('methods').includes(name), name);
  }
  const { status, headers } = await ask(server, 'OPTIONS', '/cam/whip');
  assert.deepEqual([status, headers['accept-post']], [200, sdpType], 'without an origin');
});

// 4.3 ICE support

scenario('whip_trickledCandidates_areCheckedAndOthersDropped', async (s) => {
  const server = await startWhip(s, withChecks);
  const early = (await browserOffer('chromium-sendonly')).replaceAll(/^a=candidate:.*\r\n/mg, '');
  const { status, url, etag } = await post(server, 'cam', early);
  assert.equal(status, 201);
  const checked = await checkedPort(s);
  const unusable = [
    candidateAt(9, '127.0.0.1', 'tcp'), candidateAt(9, '127.0.0.1', 'dccp'),
    candidateAt(checked.port, '6f0d8b86-3c3a-4d8e-9b7e-4a44a0a0a001.local'),
    candidateAt(checked.port, 'no-such-host.invalid'), candidateAt(checked.port, 'fe80::1%7'),
  ];
  const answer = await patch(server, url, fragment(early, {
    candidates: [...unusable, candidateAt(checked.port), ...unusable],
    more: ['a=end-of-candidates'],
  }), { etag });
  assert.deepEqual([answer.status, answer.body], [204, '']);
  await until('the candidate is checked', () => checked.users.size > 0);
  const [user] = checked.users;
  assert.equal(user.split(':')[0], credentials(early).ufrag);
});

scenario('whip_patchOfAnotherType_is415', async (s) => {
  const server = await startWhip(s);
  const { url, etag, offer } = await openSession(server);
  const body = fragment(offer, { candidates: [candidateAt(9)] });
  for (const type of [sdpType, 'application/json', 'text/plain', null])
    assert.equal((await patch(server, url, body, { etag, type })).status, 415, `${type}`);
  assert.equal((await patch(server, url, body, { etag })).status, 204);
});

scenario('whip_brokenFragment_is400', async (s) => {
  const server = await startWhip(s);
  const { url, etag, offer } = await openSession(server);
  const { ufrag, pwd } = credentials(offer);
  for (const [what, broken] of [
    ['no SDP', 'hello'], ['JSON', '{"candidate":"candidate:1"}'], ['binary', '\0\x01\x02\r\n'],
    ['a whole HTML page', '<!doctype html><p>a=candidate:1</p>'],
    ['ufrag alone', `a=ice-ufrag:${ufrag}\r\n`], ['pwd alone', `a=ice-pwd:${pwd}\r\n`],
    ['short pwd', `a=ice-ufrag:${ufrag}\r\na=ice-pwd:short\r\n`],
    ['bad ufrag', `a=ice-ufrag:a b\r\na=ice-pwd:${pwd}\r\n`],
  ]) {
    const { status, headers } = await patch(server, url, broken, { etag });
    assert.equal(status, 400, what);
    assert.equal(headers.etag, undefined);
  }
  const good = fragment(offer, { candidates: [candidateAt(9)] });
  assert.equal((await patch(server, url, good, { etag })).status, 204);
});

scenario('whip_etag_isStrongAndNamesTheIceSession', async (s) => {
  const server = await startWhip(s);
  const tags = [];
  for (let i = 0; i < 3; i++) tags.push((await openSession(server)).etag);
  for (const tag of tags) assert.match(tag, /^"[\x21\x23-\x7e]+"$/);
  assert.equal(new Set(tags).size, tags.length);
});

scenario('whip_patchWithoutItsEtag_is428Or412', async (s) => {
  const server = await startWhip(s);
  const { url, etag, offer } = await openSession(server);
  const other = (await openSession(server)).etag;
  const body = fragment(offer, { candidates: [candidateAt(9)] });
  for (const [tag, status] of [
    [null, 428], [other, 412], ['"nothing"', 412], [`W/${etag}`, 412], [`${other}, "x"`, 412],
    [etag, 204], [`${other}, ${etag}`, 204], ['*', 204],
  ]) assert.equal((await patch(server, url, body, { etag: tag })).status, status, tag);
});

scenario('whip_patchOfCandidates_is204WithoutEtag', async (s) => {
  const server = await startWhip(s);
  const { url, etag, offer } = await openSession(server);
  const patches = Array.from({ length: 8 }, (_, i) =>
    patch(server, url, fragment(offer, { candidates: [candidateAt(9000 + i)] }), { etag }));
  for (const { status, headers, body } of await Promise.all(patches)) {
    assert.deepEqual([status, body], [204, '']);
    assert.equal(headers.etag, undefined);
  }
});

scenario('whip_deleteWithAnyEtag_isDone', async (s) => {
  const server = await startWhip(s);
  for (const tag of ['"another"', '*', 'W/"weak"', 'garbage']) {
    const { url } = await openSession(server);
    const { status } = await ask(server, 'DELETE', url, { headers: { 'If-Match': tag } });
    assert.equal(status, 200, tag);
    assert.equal(await statusOf(server, url), 404);
  }
});

const addresses = (sdp) => readSdp(sdp).media.flatMap((section) => section.all('candidate'))
  .map((candidate) => candidate.split(' ')[4]);

scenario('whip_answer_holdsAllCandidates', async (s) => {
  const server = await startWhip(s, 'local-addresses=127.0.0.1,127.0.0.2,::1');
  const { body } = await openSession(server);
  assert.deepEqual([...new Set(addresses(body))].sort(), ['127.0.0.1', '127.0.0.2', '::1']);
  assert.equal(readSdp(body).media[0].get('end-of-candidates'), '');
});

/// A STUN server that tells everybody the address 192.0.2.77:7777, or says nothing.
async function stunServer(s, { silent = false } = {}) {
  const socket = createSocket('udp4');
  s.atEnd(async () => socket.close());
  let asked = 0;
  const clients = new Set();
  socket.on('message', (request, { port, address }) => {
    asked += 1;
    // The first request of each client is lost, so that the answer takes its time.
    const isFirst = !clients.has(port);
    clients.add(port);
    if (isFirst || silent) return;
    // MAPPED-ADDRESS, which all versions of STUN have (RFC 3489, section 11.2.1).
    const mapped = [0, 1, 0, 8, 0, 1, 7777 >> 8, 7777 & 255, 192, 0, 2, 77];
    const head = [1, 1, 0, mapped.length, ...request.subarray(4, 20)];
    socket.send(Buffer.from([...head, ...mapped]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, asked: () => asked };
}

scenario('whip_answer_waitsForTheStunServer', async (s) => {
  const stun = await stunServer(s);
  const server = await startWhip(s, `stun-server=stun://127.0.0.1:${stun.port}
    local-addresses=127.0.0.1 ice-agent=libnice`);
  // On a machine that stops for seconds, one answer goes out without it.
  await until('the answer has what the STUN server said', async () =>
    addresses((await openSession(server)).body).includes('192.0.2.77'));
  const mute = await stunServer(s, { silent: true });
  const patient = await startWhip(s, `stun-server=stun://127.0.0.1:${mute.port}
    local-addresses=127.0.0.1 ice-agent=libnice`);
  assert.deepEqual([...new Set(addresses((await openSession(patient)).body))], ['127.0.0.1']);
  assert.ok(mute.asked() > 0);
});

scenario('whip_restartThatCannotBeDone_is422AndTheSessionStays', async (s) => {
  const server = await startWhip(s, withChecks);
  const { url, etag, offer } = await openSession(server);
  const restart = fragment(offer, newCredentials('restart'));
  const refused = await patch(server, url, restart, { etag: '*' });
  assert.equal(refused.status, 422);
  assert.equal(refused.headers.etag, undefined);
  const checked = await checkedPort(s);
  const body = fragment(offer, { candidates: [candidateAt(checked.port)] });
  assert.equal((await patch(server, url, body, { etag })).status, 204, 'ICE goes on');
  await until('the candidate is checked', () => checked.users.size > 0);
});

// 4.4 WebRTC constraints

scenario('whip_answer_bundlesAndMultiplexes', async (s) => {
  const server = await startWhip(s);
  for (const name of browserOffers) {
    const { body, url } = await openSession(server, { offer: name });
    const { session: top, media } = readSdp(body);
    assert.deepEqual(top.all('group'),
      [`BUNDLE ${media.map((section) => section.get('mid')).join(' ')}`], name);
    for (const section of media.filter(({ kind }) => kind !== 'application')) {
      assert.equal(section.get('rtcp-mux'), '', name);
      assert.notEqual(section.port, 0, name);
      assert.equal(section.get('rtcp-mux-only'), '', name);
    }
    assert.deepEqual(media.slice(1).flatMap((section) => section.all('candidate')), [],
      `${name}: candidates of the BUNDLE tag alone`);
    assert.equal(await statusOf(server, url, 'DELETE'), 200);
  }
});

scenario('whip_trackThatNoPadWaitsFor_mayBeInactiveAlone', async (s) => {
  const server = await startWhip(s, 'video-codecs=h264', 'pub.audio_cam ! queue ! fakesink');
  const { media } = readSdp((await openSession(server, { offer: 'firefox-camera' })).body);
  assert.deepEqual(media.map((section) => section.get('recvonly')), ['', undefined]);
  assert.deepEqual(media.map((section) => section.get('inactive')), [undefined, '']);
});

scenario('whip_severalTracksOfAKind_areReceived', async (s) => {
  const server = await startWhip(s);
  for (const browser of ['chromium', 'firefox']) {
    const { body } = await openSession(server, { offer: `${browser}-two-videos` });
    const { media } = readSdp(body);
    assert.deepEqual(media.map(({ kind }) => kind), ['audio', 'video', 'video']);
    assert.deepEqual(media.map((section) => section.get('recvonly')), ['', '', '']);
  }
});

scenario('whip_tooManySections_are400', async (s) => {
  const server = await startWhip(s, 'max-media-sections=2');
  const { status } = await post(server, 'cam', await browserOffer('chromium-two-videos'));
  assert.equal(status, 400);
});

scenario('whip_padsTrackIsNotReceivable_is422Or400', async (s) => {
  // The sound could be received, the picture that a pad waits for could not.
  const server = await startWhip(s, '', `pub.video_cam ! queue ! h264parse ! fakesink
    pub.audio_cam ! queue ! fakesink`);
  const { status, headers, body } = await post(server, 'cam', await browserOffer('firefox-camera'));
  assert.deepEqual([status, headers.location], [422, undefined], body);
  const offer = await browserOffer('chromium-sendonly');
  for (const direction of ['recvonly', 'inactive']) {
    const { status } = await post(server, 'cam', offer.replaceAll('a=sendonly', `a=${direction}`));
    assert.equal(status, 400, direction);
  }
});

scenario('whip_setup_clientMayBeDtlsClientAlone', async (s) => {
  const server = await startWhip(s);
  const offer = await browserOffer('chromium-sendonly');
  for (const [offered, answered] of [['active', 'passive'], ['passive', 'active']]) {
    const { status, body, url } = await post(server, 'cam',
      offer.replaceAll('a=setup:actpass', `a=setup:${offered}`));
    assert.equal(status, 201, offered);
    for (const section of readSdp(body).media) assert.equal(section.get('setup'), answered);
    await ask(server, 'DELETE', url);
  }
});

scenario('whip_answer_isOfAFullIceAgent', async (s) => {
  const server = await startWhip(s);
  const { body } = await openSession(server);
  assert.doesNotMatch(body, /ice-lite/);
  for (const section of readSdp(body).media)
    assert.match(section.get('ice-options'), /\btrickle\b/);
});

// 4.5 Load balancing and redirections

scenario('whip_anyPath_isNotRedirected', async (s) => {
  const server = await startWhip(s);
  const { url } = await openSession(server);
  const offer = await browserOffer('chromium-sendonly');
  for (const where of ['/cam/whip', '/cam/whip/', '//cam/whip', '/cam//whip', '/whip', '/x/whip',
    '/cam/whip?a=b', '/cam/WHIP', `${url}/`]) {
    for (const method of ['POST', 'GET', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (method === 'DELETE' && where === '/cam/whip') continue;
      const { status } = await ask(server, method, where, {
        headers: { 'Content-Type': sdpType }, body: method === 'POST' ? offer : undefined,
      });
      assert.ok(status < 300 || status >= 400, `${method} ${where}: ${status}`);
    }
  }
});

// 4.6 STUN and TURN servers

const iceServers = `stun-server=stun://stun.example:3478
  turn-servers=turn://al:s3cret@turn.example:3478?transport=udp,turns://al:s3cret@turn.example`;

scenario('whip_iceServers_areLinksOfThe201', async (s) => {
  const server = await startWhip(s, `${iceServers} local-addresses=127.0.0.1`);
  const { headers } = await openSession(server);
  const links = headers.link.split(/, (?=<)/).map((link) => {
    const [target, ...parameters] = link.split(/; */);
    return { target, parameters: parameters.sort() };
  });
  const account = ['credential="s3cret"', 'credential-type="password"', 'rel="ice-server"',
    'username="al"'].sort();
  assert.deepEqual(links, [
    { target: '<stun:stun.example:3478>', parameters: ['rel="ice-server"'] },
    { target: '<turn:turn.example:3478?transport=udp>', parameters: account },
    { target: '<turns:turn.example:5349>', parameters: account },
  ]);
  for (const [method, more] of [['GET', {}], ['OPTIONS', {}], ['OPTIONS', {
    Origin: `http://127.0.0.1:${server.port}`, 'Access-Control-Request-Method': 'POST',
  }]]) {
    const answer = await ask(server, method, '/cam/whip', { headers: more });
    assert.equal(answer.headers.link, undefined, `${method} ${JSON.stringify(more)}`);
  }
});

// 4.7 Authentication and authorization

scenario('whip_token_isAskedForAndTakenAsBearer', async (s) => {
  const server = await startWhip(s, 'token=s3cret');
  const offer = await browserOffer('chromium-sendonly');
  for (const headers of [{}, { Authorization: 'Bearer other' }, { Authorization: 'Basic czNjcmV0' },
    { Authorization: 'Bearer' }]) {
    const answer = await post(server, 'cam', offer, { headers });
    assert.equal(answer.status, 401, JSON.stringify(headers));
    assert.match(answer.headers['www-authenticate'], /^Bearer\b/);
    assert.equal(answer.headers.location, undefined);
  }
  const preflight = await ask(server, 'OPTIONS', '/cam/whip');
  assert.equal(preflight.status, 200, 'a preflight has no token');
  for (const headers of [{ Authorization: 'Bearer s3cret' }, { Authorization: 'bearer s3cret' }]) {
    const { status, url, etag } = await post(server, 'cam', offer, { headers });
    assert.equal(status, 201);
    assert.doesNotMatch(url, /s3cret/);
    const body = fragment(offer, { candidates: [candidateAt(9)] });
    assert.equal((await patch(server, url, body, { etag, headers })).status, 204);
    assert.equal((await ask(server, 'DELETE', url, { headers })).status, 200);
  }
});

// 4.8 Simulcast

scenario('whip_simulcastOffer_isAnsweredWithoutSimulcast', async (s) => {
  const server = await startWhip(s);
  for (const browser of ['chromium', 'firefox']) {
    const { body, offer, url } = await openSession(server, { offer: `${browser}-simulcast` });
    assert.match(offer, /^a=simulcast:/m);
    assert.doesNotMatch(body, /^a=(simulcast|rid)\b/m);
    assert.ok(readSdp(body).media.every((section) => section.get('recvonly') === ''));
    assert.equal(await statusOf(server, url, 'DELETE'), 200);
  }
});

// 4.9 Protocol extensions

scenario('whip_extensions_areNeitherAnnouncedNorAskedFor', async (s) => {
  const server = await startWhip(s);
  const { headers } = await openSession(server);
  assert.equal(headers.link, undefined);
});

// 5 Security considerations

scenario('whip_certificateIsSet_httpsIsSpokenAlone', async (s) => {
  await promisify(execFile)(path.join(sourceDirectory, 'tools/make-certificate'),
    ['--directory', '.'], { cwd: s.directory });
  const ca = await readFile(s.file('authority.crt'), 'utf8');
  const server = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    certificate-file=certificate.pem private-key-file=private-key.pem ${takeBoth}`, { ca });
  const { url } = await openSession(server);
  assert.equal(await statusOf(server, url, 'DELETE'), 200);
  const offer = await browserOffer('chromium-sendonly');
  assert.equal((await post({ port: server.port }, 'cam', offer)).status, 400);
});

scenario('whip_sessionUrls_areRandom', async (s) => {
  const server = await startWhip(s);
  const ids = [];
  for (let i = 0; i < 16; i++) ids.push((await openSession(server)).url.split('/').at(-1));
  assert.equal(new Set(ids).size, ids.length);
  // 16 random hex digits in one column are equal in one of 10^18 runs.
  for (let column = 0; column < 32; column++) {
    const digits = new Set(ids.map((id) => id[column]));
    assert.ok(digits.size > 1, `column ${column} of ${ids.join(' ')}`);
  }
});

scenario('whip_requestsComeTooOften_are429', async (s) => {
  const server = await startWhip(s, 'max-requests-per-second=1');
  const { url, etag, offer } = await openSession(server, { from: '127.0.0.3' });
  for (const [from, method, where, headers, body] of [
    ['127.0.0.4', 'POST', '/cam/whip', { 'Content-Type': sdpType }, 'v=0\r\n'],
    ['127.0.0.5', 'PATCH', url, { 'Content-Type': fragmentType, 'If-Match': etag },
      fragment(offer)],
    ['127.0.0.6', 'DELETE', url.replace(/.$/, (last) => (last === '0' ? '1' : '0')), {}, undefined],
  ]) {
    const answer = await until(`${method} is refused`, async () => {
      const each = await ask(server, method, where, { from, headers, body });
      return each.status === 429 && each;
    }, { every: 0 });
    assert.match(answer.headers['retry-after'], /^[1-9]\d*$/, method);
  }
  assert.equal(await statusOf(server, url), 204, 'the session and other clients are not touched');
});

const text = (file) => readFile(path.join(sourceDirectory, file), 'utf8');

/// The rows of the page: { id, level, result, cases }.
async function tableRows() {
  const page = await text('docs/whip-conformance.md');
  return [...page.matchAll(/^\| (\d[\d.]*-\d+) \|(.*)\|$/mg)].map(([, id, rest]) => {
    const cells = rest.split(' | ').map((cell) => cell.trim());
    assert.equal(cells.length, 4, `${id} has ${cells.length + 1} cells`);
    const [level, , result, cases] = cells;
    return { id, level, result, cases: cases.match(/\w+/g) ?? [] };
  });
}

test('whipConformance_table_agreesWithTheCases', async () => {
  const rows = await tableRows();
  assert.ok(rows.length >= 50, `${rows.length} rows`);
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, 'an id is there twice');
  const sources = await Promise.all(['', '_media'].map((part) =>
    text(`tests/browser/whip_conformance${part}.mjs`)));
  const declared = new Set(sources.flatMap((source) =>
    [...source.matchAll(/^scenario\('(\w+)'/mg)].map(([, name]) => name)));
  const named = new Set(rows.flatMap(({ cases }) => cases));
  assert.deepEqual([...named].filter((name) => !declared.has(name)), [], 'named, but no case');
  assert.deepEqual([...declared].filter((name) => !named.has(name)), [], 'a case without a row');
  for (const { id, level, result, cases } of rows) {
    assert.match(level, /^(MUST|MUST NOT|SHALL|SHOULD|SHOULD NOT|RECOMMENDED|MAY|states)$/, id);
    assert.match(result, /^(pass|no: .+|not applicable: .+)$/, id);
    if (result === 'pass') assert.ok(cases.length > 0, `${id} passes without a case`);
  }
});
