// SPDX-License-Identifier: LGPL-2.1-or-later
// How the element notices that a publisher is gone who did not say goodbye. That a muted track is
// no lost publisher is seen in midstream.mjs.
import assert from 'node:assert/strict';

import { killBrowser, launchBrowser } from './lib/browser.mjs';
import { assertRecording } from './lib/media.mjs';
import { Publication } from './lib/publication.mjs';
import { encodedVideo, inBoth, messages, recorder } from './lib/recorder.mjs';
import { scenario } from './lib/scenario.mjs';
import { interruption } from './lib/timeline.mjs';

/// A browser for this test alone, with a page of the server.
async function ownBrowser(s, kind, pipeline, stream) {
  const browser = await launchBrowser(kind);
  s.atEnd(() => browser.close().catch(() => {}));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${pipeline.port}/${stream}/publish`);
  return { browser, page };
}

async function publish(page, stream, frames = 60) {
  const publication = await Publication.start(page, stream);
  await publication.untilConnected();
  await publication.untilMore('video', frames);
  return publication;
}

/// Why the publisher is gone, as the bus tells it.
async function untilRemoved(pipeline, seconds) {
  const [, reason] = await pipeline.untilOutput('the loss is on the bus',
    /\(element\): webrtc-publisher-removed,.* reason=\(string\)(.*);/, seconds);
  return reason.replace(/\\(.)/g, '$1');
}

/// One recording has both publications, of 60 frames each.
async function assertBothPublications(file) {
  await assertRecording(file);
  const { counts } = await interruption(file, 15);
  assert.ok(counts.every((frames) => frames >= 15), `frames before and after: ${counts}`);
}

inBoth('detect_browserIsKilled_lackOfMediaIsNoticed', async (s, kind) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    inactivity-timeout=4000 reconnect-timeout=500 ${recorder(kind, encodedVideo[kind])}`);
  const { browser, page } = await ownBrowser(s, kind, pipeline, kind);
  await publish(page, kind);
  await killBrowser(browser);
  assert.match(await untilRemoved(pipeline, 60), /no media for 4 s/);
  await pipeline.finished();
  assert.deepEqual(pipeline.errors(), []);
  await assertRecording(s.file(`${kind}.mkv`));
});

scenario('detect_killedBrowserReturns_isLetInAtOnce', async (s) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT
    inactivity-timeout=30000 reconnect-timeout=30000 ${recorder('cam1', encodedVideo.chromium)}`);
  const first = await ownBrowser(s, 'chromium', pipeline, 'cam1');
  const second = await ownBrowser(s, 'chromium', pipeline, 'cam1');
  await publish(first.page, 'cam1');
  await killBrowser(first.browser);
  const heir = await publish(second.page, 'cam1');
  await heir.stop();
  await pipeline.finished();
  assert.deepEqual(pipeline.errors(), []);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 2);
  await assertBothPublications(s.file('cam1.mkv'));
});

inBoth('detect_onlyTheTransportIsClosed_aReturnIsWaitedFor', async (s, kind) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT reconnect-timeout=30000
    ${recorder(kind, encodedVideo[kind])}`);
  const first = await s.publish(kind, pipeline.port, kind);
  await first.untilConnected();
  await first.untilMore('video', 60);
  await first.call('closeTransport');
  assert.match(await untilRemoved(pipeline, 30), /closed by the publisher/);
  const { code } = await first.untilRefused();
  assert.equal(code, 4408);
  const second = await publish(first.page, kind);
  await second.stop();
  await pipeline.finished();
  assert.deepEqual(pipeline.errors(), []);
  await assertBothPublications(s.file(`${kind}.mkv`));
});
