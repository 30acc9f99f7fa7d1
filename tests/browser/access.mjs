// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may publish, as browsers meet it: tokens, origins, a service of the operator's; page headers.
import assert from 'node:assert/strict';

import { pressPublish, untilState } from './lib/publish_page.mjs';
import { scenario } from './lib/scenario.mjs';
import { authService, serve } from './lib/service.mjs';
import { until } from './lib/wait.mjs';

const cam1 = 'pub.video_cam1 ! queue ! fakesink pub.audio_cam1 ! queue ! fakesink';

/// What becomes of a WebSocket that the page opens.
function trySocket(page, url) {
  return page.evaluate((target) => new Promise((resolve) => {
    const socket = new WebSocket(target);
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
  }), url);
}

for (const browser of ['chromium', 'firefox']) {
  scenario(`access_${browser}HasTheToken_publishes`, async (s) => {
    const pipeline =
      await s.pipeline(`webrtcpublishsrc name=pub port=PORT token=open+sesame ${cam1}`);
    const url = `http://localhost:${pipeline.port}/cam1/publish`;
    assert.equal((await pipeline.get('/cam1/publish?token=else')).status, 401);
    assert.equal((await pipeline.get('/streams.json')).status, 401);

    const page = await s.page(browser, url);
    assert.match(await page.$eval('body', ({ innerText }) => innerText), /token/);
    await page.goto(`${url}?token=open%2Bsesame`);
    await pressPublish(page);
    await untilState(page, 'live');
  });

  scenario(`access_${browser}PageOfAnotherOrigin_isLetInOnlyWhenListed`, async (s) => {
    const origin = await serve(s, (_, response) => response.end('<!doctype html>'));
    const page = await s.page(browser, origin);
    const closed = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${cam1}`);
    const listed = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
      allowed-origins=https://example.org,${origin} ${cam1}`);
    const socket = ({ port }) => `ws://127.0.0.1:${port}/cam1/webrtc/publish`;
    assert.equal(await trySocket(page, socket(closed)), 'refused');
    assert.equal(await trySocket(page, socket(listed)), 'open');

    const own = await s.page(browser, `http://127.0.0.1:${closed.port}/cam1/publish`);
    assert.equal(await trySocket(own, socket(closed)), 'open');
  });
}

scenario('access_serviceTakesItsPermissionBack_endsThePublisher', async (s) => {
  let isPermitted = true;
  const { url, asked } = await authService(s, () =>
    [isPermitted ? 200 : 403, { 'X-AuthDuration': '1' }]);
  const pipeline =
    await s.pipeline(`webrtcpublishsrc name=pub port=PORT auth-url=${url}/ask ${cam1}`);
  const page = await s.page('chromium',
    `http://localhost:${pipeline.port}/cam1/publish?token=t&room=7`);
  await pressPublish(page);
  await untilState(page, 'live');
  await until('the permission is asked for twice again', () => asked.length >= 3);
  isPermitted = false;
  assert.match((await untilState(page, 'failed')).text, /4403.*permission/s);

  const [{ session_id: session }] = asked;
  const [first, ...updates] = asked.map(({ request_type: type }) => type);
  assert.equal(first, 'new_session');
  assert.deepEqual([...new Set(updates)], ['update_session']);
  for (const request of asked) {
    assert.equal(request.session_id, session);
    assert.equal(request.name, 'cam1');
    assert.equal(request.token, 't');
    assert.equal(request.qs, 'token=t&room=7');
    assert.equal(request.ip, '127.0.0.1');
    assert.equal(request.host, `localhost:${pipeline.port}`);
    assert.match(request.user_agent, /Chrome/);
  }
});

scenario('access_serviceSaysNo_pageSaysSo', async (s) => {
  const service = await serve(s, (_, response) => response.writeHead(403).end('secret reasons'));
  const pipeline =
    await s.pipeline(`webrtcpublishsrc name=pub port=PORT auth-url=${service} ${cam1}`);
  const page = await s.page('chromium', `http://localhost:${pipeline.port}/cam1/publish`);
  await pressPublish(page);
  const { text } = await untilState(page, 'failed');
  assert.match(text, /403/);
  assert.doesNotMatch(text, /secret/);
});

scenario('access_everyAnswer_hasTheHeadersOfAPage', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT ${cam1}`);
  for (const path of ['/', '/cam1/publish', '/streams.json', '/assets/publish.js', '/nothing/',
    '/cam1/webrtc/publish']) {
    const { headers } = await pipeline.get(path);
    const policy = headers.get('Content-Security-Policy');
    assert.match(policy, /default-src 'none'; script-src 'self';/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe/, path);
    assert.equal(headers.get('X-Frame-Options'), 'DENY', path);
    assert.equal(headers.get('X-Content-Type-Options'), 'nosniff', path);
    assert.equal(headers.get('Referrer-Policy'), 'no-referrer', path);
  }
});
