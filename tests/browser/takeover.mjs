// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream that is live gets another publication, from another tab or by a new offer on the socket,
// or its ICE is restarted.
import assert from 'node:assert/strict';

import { assertRecording } from './lib/media.mjs';
import { encodedVideo, inBoth, messages, recorder } from './lib/recorder.mjs';
import { gaps, packetTimes } from './lib/timeline.mjs';

function start(s, browser, properties = '') {
  return s.pipeline(`webrtcpublishsrc name=pub port=PORT ${properties}
    ${recorder(browser, encodedVideo[browser])}`);
}

async function untilRunning(publication, frames = 60) {
  await publication.untilConnected();
  await publication.untilMore('video', frames);
}

/// Why publishers are gone, as the bus tells it.
function removals(pipeline) {
  const found = pipeline.output.matchAll(
    /\(element\): webrtc-publisher-removed,.* reason=\(string\)"?(.*?)"?;$/gm);
  return [...found].map(([, reason]) => reason.replace(/\\(.)/g, '$1'));
}

/// Nobody has ended the streams before Ctrl-C; then the file has both tracks, of at least so many
/// frames, without a gap in them longer than `pause` seconds.
async function assertOneRecording(s, pipeline, browser, { frames, pause }) {
  assert.equal(pipeline.exit, null);
  assert.doesNotMatch(pipeline.output, /^Got message.*\(eos\)/m);
  await pipeline.interrupt();
  assert.deepEqual(pipeline.errors(), []);
  const file = s.file(`${browser}.mkv`);
  const tracks = await assertRecording(file);
  assert.ok(tracks.video.frames >= frames, `${tracks.video.frames} of ${frames} frames`);
  const times = await packetTimes(file);
  assert.deepEqual([gaps(times.video, pause), gaps(times.audio, pause)], [[], []]);
}

inBoth('takeover_streamIsLive_secondTabIsRefusedAndTheFirstGoesOn', async (s, browser) => {
  const pipeline = await start(s, browser);
  const first = await s.publish(browser, pipeline.port, browser);
  await untilRunning(first);
  const second = await s.publish(browser, pipeline.port, browser);
  const { code, reason } = await second.untilRefused();
  assert.equal(code, 4409);
  assert.match(reason, /already/);
  const { atConnection, acceptedCandidates } = await second.report();
  assert.deepEqual([atConnection, acceptedCandidates], [null, 0]);
  await first.untilMore('video', 30);
  await first.untilMore('audio', 25);
  assert.equal((await first.report()).closed, null);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 1);
  assert.deepEqual(removals(pipeline), []);
  await assertOneRecording(s, pipeline, browser, { frames: 60, pause: 5 });
});

inBoth('takeover_policyIsReplace_secondTabGoesOnInTheFile', async (s, browser) => {
  const pipeline = await start(s, browser, 'duplicate-policy=replace');
  const first = await s.publish(browser, pipeline.port, browser);
  await untilRunning(first);
  const second = await s.publish(browser, pipeline.port, browser);
  const { code, reason } = await first.untilRefused();
  assert.equal(code, 4409);
  assert.match(reason, /another publisher has taken over/);
  await untilRunning(second);
  await pipeline.untilOutput('the first publication is gone', /webrtc-publisher-removed/);
  assert.equal((await second.report()).closed, null);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 2);
  assert.deepEqual(removals(pipeline), [reason]);
  await assertOneRecording(s, pipeline, browser, { frames: 70, pause: 5 });
});

inBoth('takeover_newConnectionOnTheSameSocket_fileGoesOn', async (s, browser) => {
  const pipeline = await start(s, browser);
  const publication = await s.publish(browser, pipeline.port, browser);
  await untilRunning(publication);
  await publication.call('newOffer');
  await untilRunning(publication);
  await pipeline.untilOutput('the first publication is gone', /webrtc-publisher-removed/);
  const { closed, errors } = await publication.report();
  assert.deepEqual([closed, errors], [null, []]);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 2);
  assert.deepEqual(removals(pipeline), ["replaced by the client's new offer"]);
  await assertOneRecording(s, pipeline, browser, { frames: 70, pause: 5 });
});

inBoth('takeover_iceIsRestarted_publicationGoesOn', async (s, browser) => {
  const pipeline = await start(s, browser);
  const publication = await s.publish(browser, pipeline.port, browser);
  await untilRunning(publication);
  const before = await publication.report();
  await publication.call('newOffer', { restart: true });
  await publication.until('media take another path',
    ({ path }) => path && path !== before.path);
  await untilRunning(publication);
  const { closed, errors } = await publication.report();
  assert.deepEqual([closed, errors], [null, []]);
  assert.equal(messages(pipeline, 'webrtc-publisher-added'), 1);
  assert.deepEqual(removals(pipeline), []);
  await assertOneRecording(s, pipeline, browser, { frames: 70, pause: 5 });
});
