// SPDX-License-Identifier: LGPL-2.1-or-later
// RFC 9725 where it speaks of connections and media: cases of docs/whip-conformance.md that need a
// browser.
import assert from 'node:assert/strict';

import { killBrowser, launchBrowser } from './lib/browser.mjs';
import { messages } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { serve } from './lib/service.mjs';
import { until } from './lib/wait.mjs';
import {
  ask, browserOffer, candidateAt, checkedPort, credentials, fragment, fragmentType, newCredentials,
  patch, post, publishWhip, readSdp, startWhip, statusOf, takeFiles, takeVideo, untilEnded,
  untilGone, untilMoreReceived, WhipPublication, withChecks,
} from './lib/whip.mjs';

scenario('whip_delete_closesDtlsAndFreesTheSession', async (s) => {
  const server = await startWhip(s, '', takeFiles);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  await untilMoreReceived(s);
  const { session: url, path: before } = await publication.report();
  assert.ok(before);
  assert.equal(await statusOf(server, new URL(url).pathname, 'DELETE'), 200);
  assert.equal(await statusOf(server, new URL(url).pathname), 404);
  // A closed ICE path alone would leave DTLS as it is.
  await publication.until('DTLS is closed', ({ dtls }) => dtls === 'closed');
  await server.untilOutput('the end is on the bus', /webrtc-publisher-removed/);
  assert.equal((await post(server, 'cam', await browserOffer('chromium-sendonly'))).status, 201);
});

scenario('whip_delete_stopsAnsweringIceChecks', async (s) => {
  const server = await startWhip(s);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  const { session: url } = await publication.report();
  assert.equal(await statusOf(server, new URL(url).pathname, 'DELETE'), 200);
  await publication.until('ICE has lost the server', ({ ice }) => ice !== 'connected',
    { seconds: 60 });
});

scenario('whip_clientClosesDtls_endsTheSession', async (s) => {
  const server = await startWhip(s, 'inactivity-timeout=600000');
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  const { session: url } = await publication.report();
  await publication.call('close');
  assert.match(await untilEnded(server, new URL(url).pathname, 60), /closed/);
});

scenario('whip_browserVanishes_iceChecksEndTheSession', async (s) => {
  const server = await startWhip(s, `inactivity-timeout=600000 ${withChecks}`);
  const browser = await launchBrowser('chromium');
  s.atEnd(() => browser.close().catch(() => {}));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.port}/cam/publish`);
  const publication = await WhipPublication.start(page, '/cam/whip');
  const { session: url } = await publication.untilConnected();
  await killBrowser(browser);
  // 50 s on GStreamer 1.22. The rest is for the machine.
  assert.match(await untilEnded(server, new URL(url).pathname, 120), /ICE failed/);
});

scenario('whip_pageOfAnotherOrigin_publishesAndPatchesAndDeletes', async (s) => {
  const origin = await serve(s, (_, response) => response.end('<!doctype html>'));
  const server = await startWhip(s, `token=s3cret allowed-origins=${origin}`, takeFiles);
  const endpoint = `http://127.0.0.1:${server.port}/cam/whip`;
  const page = await s.page('chromium', origin);
  const publication = await WhipPublication.start(page, endpoint, {
    headers: { Authorization: 'Bearer s3cret' }, trickle: true,
  });
  const { answer, patched } = await publication.untilConnected();
  for (const name of ['location', 'etag', 'x-sid', 'accept-patch'])
    assert.ok(answer.headers[name], `the page sees no ${name}`);
  assert.equal(patched.status, 204);
  await untilMoreReceived(s);
  assert.equal((await publication.call('restart', '*')).status, 200);
  const deleted = await page.evaluate(async (url) =>
    (await fetch(url, { method: 'DELETE' })).status, (await publication.report()).session);
  assert.equal(deleted, 200);

  const stranger = await s.page('chromium', await serve(s, (_, response) => response.end('')));
  await assert.rejects(WhipPublication.start(stranger, endpoint), /fetch/);
});

scenario('whip_iceRestart_mediaGoOn', async (s) => {
  const server = await startWhip(s, '', takeFiles);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  await untilMoreReceived(s);
  const before = await publication.report();
  const restarted = await publication.call('restart', '*');
  assert.equal(restarted.status, 200);
  assert.equal(restarted.headers['content-type'], fragmentType);
  assert.match(restarted.headers.etag, /^"[^"]+"$/);
  assert.notEqual(restarted.headers.etag, before.etag);

  const [old, now] = [credentials(before.answer.body), credentials(restarted.body)];
  assert.notEqual(now.ufrag, old.ufrag);
  assert.notEqual(now.pwd, old.pwd);
  const [answer, part] = [readSdp(before.answer.body), readSdp(restarted.body)];
  assert.equal(part.media.length, 1, 'the section of the BUNDLE tag alone');
  assert.equal(part.media[0].get('mid'), answer.media[0].get('mid'));
  assert.ok(part.media[0].all('candidate').length > 0);
  for (const name of ['ice-options', 'ice-pacing', 'ice-lite']) {
    const value = (sdp) => sdp.session.get(name) ?? sdp.media[0].get(name);
    assert.equal(value(part), value(answer), name);
  }

  await publication.until('the new path is taken', ({ path: pair, connection }) =>
    pair !== before.path && connection === 'connected');
  await publication.untilMore(60);
  await untilMoreReceived(s);
  assert.equal(messages(server, 'webrtc-publisher-added'), 1);
  assert.equal(messages(server, 'webrtc-publisher-removed'), 0);

  const url = new URL(before.session).pathname;
  const late = await patch(server, url, fragment(before.offer), { etag: before.etag });
  assert.equal(late.status, 412, 'the first ICE session is over');
  assert.equal((await publication.call('restart', restarted.headers.etag)).status, 200);
  assert.equal((await publication.call('restart', '"*"')).status, 200, 'as the RFC writes it');
  await publication.untilMore(60);
});

scenario('whip_restartsOverlap_eachIsAnswered', async (s) => {
  const server = await startWhip(s);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  const { session, offer, etag } = await publication.report();
  const url = new URL(session).pathname;
  const restart = (ufrag) => patch(server, url, fragment(offer, newCredentials(ufrag)),
    { etag: '*' });
  const late = patch(server, url, fragment(offer, { candidates: [candidateAt(9)] }), { etag });
  const answers = await Promise.all([restart('aaaa'), restart('bbbb'), restart('cccc')]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  assert.equal(new Set(answers.map(({ headers }) => headers.etag)).size, 3);
  const users = answers.map(({ body }) => credentials(body).ufrag);
  assert.equal(new Set(users).size, 3);
  assert.ok([204, 412].includes((await late).status));
});

scenario('whip_iceRestart_replacesTheClientsCandidates', async (s) => {
  const server = await startWhip(s, withChecks);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  const { session: session_, offer } = await publication.report();
  const url = new URL(session_).pathname;
  const [first, second] = [await checkedPort(s), await checkedPort(s)];
  const restart = async (ufrag, ports) => {
    const candidates = ports.map(({ port }) => candidateAt(port));
    const body = fragment(offer, { ...newCredentials(ufrag), candidates });
    assert.equal((await patch(server, url, body, { etag: '*' })).status, 200, ufrag);
    await until(`the candidates of ${ufrag} are checked`, () => ports.every(({ users }) =>
      [...users].some((user) => user.startsWith(`${ufrag}:`))));
  };
  await restart('aaaa', [first]);
  await restart('bbbb', [second]);
  await restart('cccc', [second]);
  assert.deepEqual([...first.users].filter((user) => !user.startsWith('aaaa:')), []);
});

scenario('whip_restartFails_sessionEndsWithItsConsent', async (s) => {
  const server = await startWhip(s, `inactivity-timeout=600000 ${withChecks}`);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  const { session: session_, offer } = await publication.report();
  const url = new URL(session_).pathname;
  const nobody = await checkedPort(s);
  const restart = await patch(server, url, fragment(offer, {
    ...newCredentials('nobody'), candidates: [candidateAt(nobody.port)],
  }), { etag: '*' });
  assert.equal(restart.status, 200);
  assert.equal(await statusOf(server, url), 204, 'not at once');
  await untilGone(server, url, 120);
});

scenario('whip_audioAndVideo_comeOverOneTransport', async (s) => {
  const server = await startWhip(s, '', takeFiles);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  await untilMoreReceived(s);
  await publication.untilMore(60);
  assert.equal((await publication.report()).transports, 1);
  assert.match(server.output, /webrtc-publisher-added,.* door=\(string\)whip/);
});

scenario('whip_tooManyPublishers_is503WithRetryAfter', async (s) => {
  const server = await startWhip(s, 'max-publishers=1',
    `${takeVideo} pub.video_two ! queue ! fakesink`);
  const publication = await publishWhip(s, 'chromium', server, 'cam');
  const { status, headers } = await post(server, 'two', await browserOffer('chromium-sendonly'));
  assert.equal(status, 503);
  assert.match(headers['retry-after'], /^[1-9]\d*$/);
  await publication.untilMore(30, 0);
});
