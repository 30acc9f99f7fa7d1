// SPDX-License-Identifier: LGPL-2.1-or-later
// The start page: what it lists, and where its links lead.
import assert from 'node:assert/strict';

import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

/// The start page's links, once there is one: what each shows and where it leads.
function links(page) {
  return until('the page lists a stream', async () => {
    const found = await page.$$eval('#streams a', (all) => all.map((link) =>
      ({ name: link.querySelector('.name').textContent, path: new URL(link.href).pathname })));
    return found.length > 0 && found;
  });
}

scenario('index_nameHasHtmlAndNonAscii_isListedAsTextWithALinkThatWorks', async (s) => {
  const name = '<b>ü/1';
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    video_a::stream="${name}" pub.video_a ! queue ! fakesink`);
  const origin = `http://localhost:${pipeline.port}`;
  const page = await s.page('chromium', `${origin}/?token=x%26y`);
  assert.deepEqual(await links(page), [{ name, path: '/%3Cb%3E%C3%BC/1/publish' }]);
  assert.equal(await page.$('#streams b'), null, 'the name made an element');

  await Promise.all([page.waitForNavigation(), page.click('#streams a')]);
  assert.equal(new URL(page.url()).search, '?token=x%26y');
  await until('the page is ready', () => page.$eval('#publish', ({ disabled }) => !disabled));
  assert.equal(await page.$eval('#stream-name', (element) => element.textContent), name);
  await page.click('#publish');
  await until('the stream is live', () =>
    page.$eval('#status', ({ dataset }) => dataset.state === 'live'),
  { detail: () => page.$eval('#status', (element) => element.innerText) });
  assert.equal((await (await pipeline.get('/streams.json')).json()).streams[0].state, 'live');
});

scenario('index_streamIsPublished_saysLiveWithoutReload', async (s) => {
  const pipeline = await s.pipeline(
    'webrtcpublishsrc name=pub port=PORT pub.video_cam1 ! queue ! fakesink');
  const origin = `http://localhost:${pipeline.port}`;
  const index = await s.page('chromium', `${origin}/`);
  const badge = () => index.$eval('#streams .badge', ({ dataset }) => dataset.state)
    .catch(() => null);
  await until('the stream waits', async () => await badge() === 'reserved');
  await s.publish('chromium', pipeline.port, 'cam1', {});
  await until('the stream is live', async () => await badge() === 'live', { detail: badge });
});
