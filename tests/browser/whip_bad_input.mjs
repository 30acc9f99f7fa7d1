// SPDX-License-Identifier: LGPL-2.1-or-later
// What RFC 9725 does not speak of: wrong, broken, hostile and contradictory requests at the WHIP
// door, and publishers that stand in each other's way.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';

import { killBrowser, launchBrowser } from './lib/browser.mjs';
import { messages } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';
import {
  ask, askRaw, browserOffer, candidateAt, fragment, fragmentType, openSession, patch, post,
  publishWhip, readSdp, sdpType, startWhip, statusOf, takeBoth, takeVideo, untilEnded, untilGone,
  WhipPublication,
} from './lib/whip.mjs';

const offer = await browserOffer('chromium-sendonly');

/// Nothing that came before has done any harm.
async function assertServes(server, headers) {
  assert.equal((await server.get('/')).status, 200);
  const { url } = await openSession(server, { headers });
  assert.equal(await statusOf(server, url, 'DELETE'), 200);
  assert.equal(server.exit, null);
  assert.deepEqual(server.errors(), []);
  assert.deepEqual(server.output.match(/^.*(CRITICAL|(GLib.*|libsoup)-WARNING).*$/mg), null);
}

function assertRefusal({ status, headers, body }, what) {
  assert.match(headers['content-type'], /^text\/plain\b/, what);
  assert.match(body, /^[^\r\n]{10,300}\n?$/, `${what}: no sentence`);
  assert.equal(headers.location, undefined, what);
  if (status === 401) assert.match(headers['www-authenticate'], /^Bearer\b/, what);
  if (status === 405) assert.ok(headers.allow, what);
  const accepts = ['accept-post', 'accept-patch', 'accept-encoding'];
  if (status === 415) assert.ok(accepts.some((name) => headers[name]), what);
  if (status === 503) assert.match(headers['retry-after'], /^[1-9]\d*$/, what);
}

/// One server for all rows: [what, expected status or statuses, request(server, session)]. The
/// session is one of the stream "cam" that was opened before.
function refusals(name, properties, rows, headers) {
  scenario(name, async (s) => {
    const server = await startWhip(s, properties);
    const session = await openSession(server, { headers });
    for (const [what, expected, request] of rows) {
      const answer = await request(server, session);
      const allowed = [expected].flat();
      assert.ok(allowed.includes(answer.status), `${what}: ${answer.status} ${answer.body}`);
      if (answer.status >= 400) assertRefusal(answer, what);
    }
    assert.equal(await statusOf(server, session.url), 204, 'the session is there still');
    await assertServes(server, headers);
  });
}

/// A request, as text.
const written = (method, where, headers, body = '') =>
  [`${method} ${where} HTTP/1.1`, 'Host: localhost', ...headers, '', body].join('\r\n');
const sdpHeader = `Content-Type: ${sdpType}`;

refusals('whip_wrongMethods_are405WithAllow', '', [
  ...['PUT', 'PATCH', 'DELETE', 'PROPFIND'].map((method) =>
    [`${method} of the endpoint`, 405, (server) => ask(server, method, '/cam/whip')]),
  ...['POST', 'PUT', 'LOCK'].map((method) =>
    [`${method} of a session`, 405, (server, { url }) => ask(server, method, url)]),
  ...['GET', 'POST', 'PATCH', 'DELETE'].map((method) => [`${method} of a session's statistics`, 405,
    (server, { headers }) => ask(server, method, `/cam/sessions/${headers['x-sid']}`)]),
  ['a method that nobody knows', 405, (server) => askRaw(server, written('BREW', '/cam/whip', []))],
  ['a method in lower case', [400, 405], (server) =>
    askRaw(server, written('post', '/cam/whip', [sdpHeader, 'Content-Length: 0']))],
]);

scenario('whip_methodsThatAreAllowed_areNamed', async (s) => {
  const server = await startWhip(s);
  const { url, headers: { 'x-sid': id } } = await openSession(server);
  for (const [where, method, names] of [
    ['/cam/whip', 'PUT', ['POST', 'GET', 'HEAD', 'OPTIONS']],
    [url, 'PUT', ['PATCH', 'DELETE', 'GET', 'HEAD', 'OPTIONS']],
    [`/cam/sessions/${id}`, 'GET', ['PUT']],
  ]) {
    const allowed = (await ask(server, method, where)).headers.allow.split(/, */);
    for (const name of names) assert.ok(allowed.includes(name), `${where}: ${allowed}`);
    assert.ok(!allowed.includes(method));
  }
});

const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];

refusals('whip_framingOfRequests_isCheckedOrTaken', '', [
  ['a WebSocket on the endpoint', [204, 400, 405], (server) =>
    askRaw(server, written('GET', '/cam/whip', upgrade))],
  ['a POST with an upgrade', 201, (server) => askRaw(server, written('POST', '/cam/whip',
    [...upgrade, sdpHeader, `Content-Length: ${offer.length}`], offer))],
  ['chunks', 201, (server) =>
    post(server, 'cam', offer.match(/[^]{1,700}/g))],
  ['chunks of one byte', 400, (server) => post(server, 'cam', [...'v=0\r\nhello'])],
  ['Expect', 201, (server) =>
    post(server, 'cam', offer, { headers: { Expect: '100-continue' } })],
  ['Expect with a wrong type', 415, (server) =>
    post(server, 'cam', offer, { type: 'text/plain', headers: { Expect: '100-continue' } })],
  ['no body', 400, (server) => post(server, 'cam', undefined)],
  ['no length', [400, 411], (server) =>
    askRaw(server, written('POST', '/cam/whip', [sdpHeader, 'Connection: close']), 'end')],
  ['two lengths', [400, 0], (server) => askRaw(server, written('POST', '/cam/whip',
    [sdpHeader, 'Content-Length: 5', 'Content-Length: 6'], 'v=0\r\n'), 'end')],
  ['a length below zero', 400, (server) => askRaw(server, written('POST', '/cam/whip',
    [sdpHeader, 'Content-Length: -5'], 'v=0\r\n'), 'end')],
  ['HTTP/1.0', [400, 201], (server) => askRaw(server,
    `POST /cam/whip HTTP/1.0\r\n${sdpHeader}\r\nContent-Length: ${offer.length}\r\n\r\n${offer}`)],
  ['two types', [400, 415], (server) => askRaw(server, written('POST', '/cam/whip',
    [sdpHeader, 'Content-Type: text/plain', `Content-Length: ${offer.length}`], offer))],
  ['an encoding', [400, 415], (server) =>
    post(server, 'cam', offer, { headers: { 'Content-Encoding': 'gzip' } })],
]);

scenario('whip_bodiesAreCutOff_serverGoesOn', async (s) => {
  const server = await startWhip(s, 'request-timeout=2000');
  const { url, etag } = await openSession(server);
  const patchHeaders = [`Content-Type: ${fragmentType}`, `If-Match: ${etag}`];
  for (const [method, where, headers] of [
    ['POST', '/cam/whip', [sdpHeader]], ['PATCH', url, patchHeaders],
  ]) {
    for (const [what, length, body] of [
      ['short body', `Content-Length: ${2 * offer.length}`, offer],
      ['headers alone', `Content-Length: ${offer.length}`, ''],
      ['one chunk of several', 'Transfer-Encoding: chunked', `${(9).toString(16)}\r\nv=0\r\no=- 1`],
      ['no chunk', 'Transfer-Encoding: chunked', 'zz\r\nv=0\r\n'],
      ['a huge chunk', 'Transfer-Encoding: chunked', 'ffffffffffffffff\r\nv=0\r\n'],
    ]) {
      const text = written(method, where, [...headers, length], body);
      await askRaw(server, text, 'cut');
      for (const then of ['end', 'wait']) {
        const { status } = await askRaw(server, text, then);
        assert.ok(status === 0 || status >= 400, `${method} with ${what}, ${then}: ${status}`);
      }
    }
  }
  assert.equal(await statusOf(server, url), 204);
  await assertServes(server);
});

scenario('whip_clientLeavesBeforeItsAnswer_nothingStays', async (s) => {
  const server = await startWhip(s);
  const descriptors = async () => (await readdir(`/proc/${server.child.pid}/fd`)).length;
  await assertServes(server);
  const before = await descriptors();
  const text = written('POST', '/cam/whip', [sdpHeader, `Content-Length: ${offer.length}`], offer);
  let most = before;
  for (let i = 0; i < 12; i++) {
    await askRaw(server, text, 'cut');
    most = Math.max(most, await descriptors());
  }
  assert.ok(most > before, 'the server saw none of them');
  // Each publisher has sockets of its own.
  await until('the publishers are gone', async () => await descriptors() < before + 4,
    { seconds: 60, detail: descriptors });
  await assertServes(server);
});

const padded = (size) => `${offer}a=padding:${'x'.repeat(size - offer.length - 12)}\r\n`;
const half = (text) => [text.slice(0, text.length / 2), text.slice(text.length / 2)];

refusals('whip_bodiesAreTooLarge_are413', 'max-offer-size=16384 request-timeout=5000', [
  ['an offer of the limit', 201, (server) => post(server, 'cam', padded(16384))],
  ['one byte more', 413, (server) => post(server, 'cam', padded(16385))],
  ['one byte more, in chunks', 413, (server) => post(server, 'cam', half(padded(16385)))],
  ['300 kB', 413, (server) => post(server, 'cam', padded(300_000))],
  ['300 kB in chunks', 413, (server) =>
    post(server, 'cam', padded(300_000).match(/[^]{1,9000}/g))],
  // libsoup reads a body before it answers.
  ['one that is only announced', [413, 0], (server) =>
    askRaw(server, written('POST', '/cam/whip', [sdpHeader, 'Content-Length: 1000000000'], 'v='))],
  ['a PATCH of 300 kB', 413, (server, { url, etag }) =>
    patch(server, url, fragment(offer, { more: [`a=x:${'x'.repeat(300_000)}`] }), { etag })],
  ['a PATCH of 300 kB in chunks', 413, (server, { url, etag }) =>
    patch(server, url, fragment(offer, { more: [`a=x:${'x'.repeat(300_000)}`] })
      .match(/[^]{1,9000}/g), { etag })],
  ['statistics of 300 kB', 413, (server, { headers }) =>
    ask(server, 'PUT', `/cam/sessions/${headers['x-sid']}`,
      { body: JSON.stringify({ x: 'x'.repeat(300_000) }) })],
]);

/// The offer without its audio and video.
const dataAlone = async () => {
  const data = await browserOffer('chromium-datachannel-first');
  const second = data.indexOf('m=audio');
  return data.slice(0, second).replace(/BUNDLE.*/, 'BUNDLE 0');
};

const directed = (direction) => offer.replaceAll('a=sendonly', `a=${direction}`);

refusals('whip_offersThatCannotBeUsed_areRefused', '', [
  ['recvonly', 400, (server) => post(server, 'cam', directed('recvonly'))],
  ['inactive', 400, (server) => post(server, 'cam', directed('inactive'))],
  ['a data channel alone', 400, async (server) => post(server, 'cam', await dataAlone())],
  ['no section', 400, (server) => post(server, 'cam', offer.slice(0, offer.indexOf('m=')))],
  ['all sections rejected', 400, (server) =>
    post(server, 'cam', offer.replaceAll(/^(m=\w+) \d+/mg, '$1 0'))],
  ['codecs that nobody has', 422, (server) =>
    post(server, 'cam', offer.replaceAll(/^(a=rtpmap:\d+) [\w-]+/mg, '$1 nothing')
      .replaceAll(/ (9|0|8|13)(?= |\r)/g, ''))],
  ['a weak fingerprint', 400, (server) => post(server, 'cam', offer.replaceAll(
    /^a=fingerprint:.*$/mg, `a=fingerprint:md5 ${Array(16).fill('00').join(':')}`))],
  ['one mid twice', 400, (server) => post(server, 'cam', offer.replace('a=mid:1', 'a=mid:0'))],
  ['UTF-16', 400, (server) => post(server, 'cam', Buffer.from(offer, 'utf16le'))],
  ['zero bytes', 400, (server) => post(server, 'cam', Buffer.alloc(4000))],
  ['an answer', [400, 422], async (server, { body }) => post(server, 'cam', body)],
  ['twenty sections', 400, (server) => post(server, 'cam',
    offer + offer.slice(offer.indexOf('m=video')).repeat(18))],
]);

scenario('whip_offerIsCutAtEachLine_isAnsweredOrRefused', async (s) => {
  const server = await startWhip(s, 'max-requests-per-second=0');
  const counts = {};
  for (let at = offer.indexOf('\n'); at >= 0; at = offer.indexOf('\n', at + 1)) {
    const { status, url } = await post(server, 'cam', offer.slice(0, at + 1));
    assert.ok([201, 400, 422].includes(status), `${at} bytes: ${status}`);
    if (url) assert.equal(await statusOf(server, url, 'DELETE'), 200);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  assert.ok(counts[201] > 0 && counts[400] > 0, JSON.stringify(counts));
  await assertServes(server);
});

const gone = '/cam/whip/0123456789abcdef0123456789abcdef';

refusals('whip_sessionsThatAreNotThere_are404', '', [
  ...[gone, '/cam/whip/', '/cam/whip/x', '/cam/whip/..%2f', `/cam/whip/${'a'.repeat(4000)}`,
    '/cam/whip/%00', '/cam/whip/%ff'].flatMap((where) => [
    [`PATCH ${where.slice(0, 60)}`, [400, 404], (server) =>
      patch(server, where, fragment(offer), { etag: '*' })],
    [`DELETE ${where.slice(0, 60)}`, [400, 404], (server) => ask(server, 'DELETE', where)],
    [`GET ${where.slice(0, 60)}`, [400, 404], (server) => ask(server, 'GET', where)],
  ]),
  ['PATCH of another stream\'s session', 404, (server, { url, etag }) =>
    patch(server, url.replace('/cam/', '/other/'), fragment(offer), { etag })],
  ['DELETE of another stream\'s session', 404, (server, { url }) =>
    ask(server, 'DELETE', url.replace('/cam/', '/other/'))],
  ['its id in capitals', 404, (server, { url }) =>
    ask(server, 'DELETE', url.replace(/[0-9a-f]{32}$/, (id) => id.toUpperCase()))],
  ['a part of its id', 404, (server, { url }) => ask(server, 'DELETE', url.slice(0, -1))],
  ['a stream that is not reserved', 404, (server) => post(server, 'nobody', offer)],
]);

scenario('whip_deleteTwiceAndPatchAfterwards_are404', async (s) => {
  const server = await startWhip(s);
  const { url, etag, headers: { 'x-sid': id } } = await openSession(server);
  assert.equal(await statusOf(server, url, 'DELETE'), 200);
  assert.equal(await statusOf(server, url, 'DELETE'), 404);
  const late = await patch(server, url, fragment(offer), { etag });
  assert.equal(late.status, 404);
  assertRefusal(late, 'a late PATCH');
  assert.equal((await ask(server, 'PUT', `/cam/sessions/${id}`, { body: '{}' })).status, 404);

  const { url: second } = await openSession(server);
  const both = await Promise.all([1, 2, 3].map(() => statusOf(server, second, 'DELETE')));
  assert.deepEqual(both.sort(), [200, 404, 404]);
  await assertServes(server);
});

const one = fragment(offer, { candidates: [candidateAt(9)] });

refusals('whip_badPatches_areRefused', '', [
  ['another type', 415, (server, { url, etag }) =>
    patch(server, url, one, { etag, type: sdpType })],
  ['no type', 415, (server, { url, etag }) => patch(server, url, one, { etag, type: null })],
  ['no If-Match', 428, (server, { url }) => patch(server, url, one)],
  ['another ETag', 412, (server, { url }) => patch(server, url, one, { etag: '"other"' })],
  ['garbage for an ETag', 412, (server, { url }) => patch(server, url, one, { etag: 'x"y' })],
  ['garbage', 400, (server, { url, etag }) => patch(server, url, 'garbage', { etag })],
  ['nothing', 400, (server, { url, etag }) => patch(server, url, '', { etag })],
  ['a whole offer', 400, (server, { url, etag }) => patch(server, url, offer, { etag })],
  ['a binary', 400, (server, { url, etag }) =>
    patch(server, url, Buffer.from(Array.from({ length: 999 }, (_, i) => i * 37)), { etag })],
  ['JSON', 400, (server, { url, etag }) =>
    patch(server, url, JSON.stringify({ candidate: candidateAt(9) }), { etag })],
  ['two credentials', 400, (server, { url, etag }) =>
    patch(server, url, `${one}${fragment(offer, { ufrag: 'other' })}`, { etag })],
  ['a good one at last', 204, (server, { url, etag }) => patch(server, url, one, { etag })],
]);

scenario('whip_candidatesByTheThousand_endTheirSessionAlone', async (s) => {
  const server = await startWhip(s, 'max-requests-per-second=0');
  const many = (count, first) => fragment(offer, {
    candidates: Array.from({ length: count }, (_, i) => candidateAt(first + i)),
  });
  const other = await openSession(server);
  // 64 of one ICE session count, others are dropped; 256 are taken for a flood (max-candidates).
  const patient = await openSession(server);
  const send = async ({ url, etag }, count) =>
    (await patch(server, url, many(count, 9000), { etag })).status;
  for (const [count, status] of [[100, 204], [100, 204], [100, 400], [1, 404]])
    assert.equal(await send(patient, count), status);
  const hasty = await openSession(server);
  assert.equal(await send(hasty, 1000), 400);
  assert.equal(await statusOf(server, hasty.url), 404);
  assert.equal(await statusOf(server, other.url), 204);
  await assertServes(server);
});

scenario('whip_oddCandidates_areDropped', async (s) => {
  const server = await startWhip(s);
  const { url, etag } = await openSession(server);
  const candidates = ['candidate:', 'candidate:1 1 udp', candidateAt(9, '9'.repeat(5000)),
    'candidate:1 1 udp 99999999999999 127.0.0.1 70000 typ host', 'candidate:x 9 udp 1 1 1 typ x',
    candidateAt(9, '999.1.2.3'), candidateAt(9, '%s%n'), candidateAt(-1), candidateAt(0)];
  const { status } = await patch(server, url, fragment(offer, { candidates }), { etag });
  assert.equal(status, 204);
  assert.equal(await statusOf(server, url), 204);
  await assertServes(server);
});

const statistics = (server, id, body, stream = 'cam') =>
  ask(server, 'PUT', `/${stream}/sessions/${id}`,
    { body, headers: { 'Content-Type': 'application/json' } });

refusals('whip_statistics_areTakenAsJsonObjectsOfASession', '', [
  ['an object', 204, (server, { headers }) =>
    statistics(server, headers['x-sid'], '{"bytes": 1, "deep": {"a": [1, null]}}')],
  ['an empty object', 204, (server, { headers }) => statistics(server, headers['x-sid'], '{}')],
  ['broken JSON', 400, (server, { headers }) => statistics(server, headers['x-sid'], '{"a":')],
  ['no JSON', 400, (server, { headers }) => statistics(server, headers['x-sid'], 'hello')],
  ['an array', 400, (server, { headers }) => statistics(server, headers['x-sid'], '[1]')],
  ['a number', 400, (server, { headers }) => statistics(server, headers['x-sid'], '7')],
  ['nothing', 400, (server, { headers }) => statistics(server, headers['x-sid'], '')],
  ['depth', 400, (server, { headers }) => statistics(server, headers['x-sid'],
    `${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`)],
  ['no UTF-8', 400, (server, { headers }) =>
    statistics(server, headers['x-sid'], Buffer.from('{"a":"\xff\xfe"}', 'latin1'))],
  ['an unknown id', 404, (server) => statistics(server, gone.split('/').at(-1), '{}')],
  ['no id', 404, (server) => statistics(server, '', '{}')],
  ['another stream\'s', 404, (server, { headers }) =>
    statistics(server, headers['x-sid'], '{}', 'other')],
]);

const foreign = { Origin: 'https://evil.example' };
const everyMethod = (origin) => [
  ['POST', 403, (server) => post(server, 'cam', offer, { headers: origin })],
  ['PATCH', 403, (server, { url, etag }) => patch(server, url, one, { etag, headers: origin })],
  ['PUT', 403, (server, { headers }) => ask(server, 'PUT', `/cam/sessions/${headers['x-sid']}`,
    { body: '{}', headers: origin })],
  ...['GET', 'HEAD', 'OPTIONS', 'DELETE'].map((method) => [`${method} of a session`, 403,
    async (server, { url }) => {
      const answer = await ask(server, method, url, { headers: origin });
      // A HEAD has no body to look at.
      return method === 'HEAD' ? { ...answer, body: 'A sentence.' } : answer;
    }]),
  ...['GET', 'OPTIONS'].map((method) => [`${method} of the endpoint`, 403, (server) =>
    ask(server, method, '/cam/whip', { headers: origin })]),
].map(([what, status, request]) => [what, status, async (...args) => {
  const answer = await request(...args);
  assert.equal(answer.headers['access-control-allow-origin'], undefined, what);
  return answer;
}]);

refusals('whip_foreignOrigin_is403WhateverTheMethod', 'allowed-origins=https://studio.example',
  everyMethod(foreign));
refusals('whip_nullOrigin_is403WhateverTheMethod', '', everyMethod({ Origin: 'null' }));

scenario('whip_refusals_canBeReadByAPageOfAListedOrigin', async (s) => {
  const origin = { Origin: 'https://studio.example' };
  const server = await startWhip(s,
    `max-requests-per-second=3 max-offer-size=16384 allowed-origins=${origin.Origin}`);
  const { url, etag } = await openSession(server, { headers: origin });
  const put = (body, type = sdpType) =>
    post(server, 'cam', body, { type, from: '127.0.0.7', headers: origin });
  const answers = [
    await put('hello'), await put('', 'text/plain'), await put('x'.repeat(20_000)),
    await post(server, 'nobody', offer, { headers: origin }),
    await ask(server, 'PUT', '/cam/whip', { headers: origin }),
    await ask(server, 'GET', gone, { headers: origin }),
    await patch(server, url, one, { headers: origin }),
    await patch(server, url, 'garbage', { etag, headers: origin }),
    await until('it is too much', async () => {
      const each = await put('hello');
      return each.status === 429 && each;
    }, { every: 0 }),
  ];
  assert.deepEqual(answers.map(({ status }) => status),
    [400, 415, 413, 404, 405, 404, 428, 400, 429]);
  for (const { status, headers } of answers) {
    assert.equal(headers['access-control-allow-origin'], origin.Origin, `${status}`);
    assert.match(headers['access-control-expose-headers'], /Retry-After/i, `${status}`);
  }
});

scenario('whip_streamNames_areInTheLocationAsTheyWereAskedFor', async (s) => {
  const server = await startWhip(s, '', 'video_a::stream=a/b video_b::stream=ü%2B%20/whip'
    + ' video_c::stream=c/whip pub.video_a ! fakesink pub.video_b ! fakesink'
    + ' pub.video_c ! fakesink');
  for (const [name, where] of [['a/b', '/a/b/whip'], ['c/whip', '/c/whip/whip'],
    ['ü%2B%20/whip', '/%C3%BC%252B%2520/whip/whip']]) {
    const answer = await ask(server, 'POST', where,
      { body: offer, headers: { 'Content-Type': sdpType } });
    assert.equal(answer.status, 201, `${name}: ${answer.body}`);
    const { location } = answer.headers;
    assert.equal(location.slice(0, -33), where, name);
    assert.equal(await statusOf(server, location), 204, name);
    assert.equal((await ask(server, 'PUT',
      `${where.slice(0, -5)}/sessions/${answer.headers['x-sid']}`, { body: '{}' })).status, 204);
    assert.equal(await statusOf(server, location, 'DELETE'), 200, name);
  }
});

const key = { Authorization: 'Bearer s3cret' };

refusals('whip_tokens_areTakenFromQueryAndHeader', 'token=s3cret', [
  ['none', 401, (server) => post(server, 'cam', offer)],
  ['an empty one', 401, (server) => post(server, 'cam', offer, { query: '?token=' })],
  ['a wrong token', 401, (server) => post(server, 'cam', offer, { query: '?token=s3cre' })],
  ['a wrong password', 401, (server) => post(server, 'cam', offer, { query: '?password=x' })],
  ['a wrong Bearer', 401, (server) =>
    post(server, 'cam', offer, { headers: { Authorization: `Bearer ${'s3cret'.repeat(999)}` } })],
  ['the query', 201, (server) => post(server, 'cam', offer, { query: '?token=s3cret' })],
  ['the password', 201, (server) => post(server, 'cam', offer, { query: '?password=s3cret' })],
  ['the header', 201, (server) => post(server, 'cam', offer, { headers: key })],
  ['none, and a broken offer', 401, (server) => post(server, 'cam', 'hello')],
  ['a PATCH, whose URL is the key', 204, (server, { url, etag }) =>
    patch(server, url, one, { etag })],
  ['statistics, too', 204, (server, { headers }) => statistics(server, headers['x-sid'], '{}')],
], key);

// Publishers beside each other

scenario('whip_streamIsTaken_is409AndItsPublisherGoesOn', async (s) => {
  const server = await startWhip(s);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  for (let i = 0; i < 3; i++) {
    const answer = await post(server, 'cam', offer);
    assert.equal(answer.status, 409);
    assertRefusal(answer, 'a second publisher');
  }
  const { number, page } = await s.publish('chromium', server.port, 'cam');
  const closed = await until('the socket is closed', () =>
    page.evaluate((i) => globalThis.clients[i].closed, number));
  assert.equal(closed.code, 4409, 'the other door knows it, too');
  await publication.untilMore(60);
  assert.equal(messages(server, 'webrtc-publisher-added'), 1);
});

scenario('whip_streamIsTakenByTheOtherDoor_is409', async (s) => {
  const server = await startWhip(s);
  const publication = await s.publish('chromium', server.port, 'cam');
  await server.untilOutput('the publisher is there', /webrtc-publisher-added/);
  assert.equal((await post(server, 'cam', offer)).status, 409);
  await publication.untilMore('video', 30);
});

scenario('whip_twoPostsAtOnce_theFirstThatConnectsHasTheStream', async (s) => {
  const server = await startWhip(s);
  const open = async () => {
    const page = await s.page('chromium', `http://127.0.0.1:${server.port}/cam/publish`);
    return WhipPublication.start(page, '/cam/whip', { hold: true });
  };
  const pair = await Promise.all([open(), open()]);
  const [first, second] = await Promise.all(pair.map((each) => each.report()));
  assert.deepEqual([first.answer.status, second.answer.status], [201, 201]);
  assert.notEqual(first.session, second.session);
  assert.notEqual(first.etag, second.etag);

  await pair[1].call('accept');
  await pair[1].untilConnected();
  await server.untilOutput('the publisher is there', /webrtc-publisher-added/);
  await pair[0].call('accept');
  await untilGone(server, new URL(first.session).pathname, 30);
  await pair[1].untilMore(60);
  assert.equal(await statusOf(server, new URL(second.session).pathname), 204);
  assert.equal(messages(server, 'webrtc-publisher-added'), 1);
});

scenario('whip_postsByTheDozen_areAllAnswered', async (s) => {
  const server = await startWhip(s);
  const answers = await Promise.all(Array.from({ length: 12 }, () => post(server, 'cam', offer)));
  assert.deepEqual(answers.map(({ status }) => status), Array(12).fill(201));
  assert.equal(new Set(answers.map(({ url }) => url)).size, 12);
  const ends = await Promise.all(answers.map(({ url }) => statusOf(server, url, 'DELETE')));
  assert.deepEqual(ends, Array(12).fill(200));
  await assertServes(server);
});

scenario('whip_deleteDuringNegotiation_endsIt', async (s) => {
  const server = await startWhip(s);
  const page = await s.page('chromium', `http://127.0.0.1:${server.port}/cam/publish`);
  const held = await WhipPublication.start(page, '/cam/whip', { hold: true });
  const url = new URL((await held.report()).session).pathname;
  assert.equal(await statusOf(server, url, 'DELETE'), 200);
  assert.equal(await statusOf(server, url), 404);
  await held.call('accept');

  // Also while ICE and DTLS are at work.
  for (let i = 0; i < 5; i++) {
    const quick = await WhipPublication.start(page, '/cam/whip', { trickle: i % 2 === 1 });
    const { pathname } = new URL((await quick.report()).session);
    assert.equal(await statusOf(server, pathname, 'DELETE'), 200);
    assert.equal(await statusOf(server, pathname), 404);
    await quick.call('close');
  }
  await assertServes(server);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  await publication.untilMore(30);
  assert.notEqual((await held.report()).connection, 'connected');
});

scenario('whip_nobodyConnects_sessionEndsInTime', async (s) => {
  // The answer has to be ready before that, on a slow machine too.
  const server = await startWhip(s, 'negotiation-timeout=8000');
  const { url } = await openSession(server);
  await untilGone(server, url, 60);
  await assertServes(server);
});

scenario('whip_mediaStop_endsTheSession', async (s) => {
  const server = await startWhip(s, 'inactivity-timeout=5000');
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  await publication.untilMore(10);
  const { session } = await publication.report();
  await publication.call('sendNothing');
  assert.match(await untilEnded(server, new URL(session).pathname, 30), /no media/);
});

scenario('whip_publisherDiesAndPostsAgain_takesOver', async (s) => {
  const server = await startWhip(s, 'inactivity-timeout=60000', takeBoth);
  const browser = await launchBrowser('chromium');
  s.atEnd(() => browser.close().catch(() => {}));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.port}/cam/publish`);
  const dead = await WhipPublication.start(page, '/cam/whip');
  await dead.untilConnected();
  const { session } = await dead.untilMore(30);
  await killBrowser(browser);
  const heir = await publishWhip(s, 'chromium', server, 'cam');
  await heir.untilMore(30);
  await untilGone(server, new URL(session).pathname, 40);
  assert.equal(messages(server, 'webrtc-publisher-added'), 2);
});

scenario('whip_replacePolicy_theNewPublisherEndsTheOldSession', async (s) => {
  const server = await startWhip(s, 'duplicate-policy=replace', takeVideo);
  const old = await publishWhip(s, 'chromium', server, 'cam');
  const { session } = await old.untilMore(30, 0);
  const heir = await publishWhip(s, 'chromium', server, 'cam');
  await untilGone(server, new URL(session).pathname, 30);
  await heir.untilMore(30, 0);
  assert.equal(readSdp((await heir.report()).answer.body).media.length, 2);
});
