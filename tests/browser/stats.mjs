// SPDX-License-Identifier: LGPL-2.1-or-later
// The element's statistics of a real browser against those of the browser itself, and the table of
// the start page.
import assert from 'node:assert/strict';

import { scenario } from './lib/scenario.mjs';
import { until } from './lib/wait.mjs';

// Without ICE-TCP: a browser that is short of processor time may find that way first.
const reserved = `webrtcpublishsrc name=pub port=PORT stats-interval=250 reconnect-timeout=-1
  ice-tcp=false
  pub.video_cam1 ! queue ! fakesink async=false sync=false
  pub.audio_cam1 ! queue ! fakesink async=false sync=false`;

/// What the browser says that it has sent, by kind.
function sentBy(publication) {
  return publication.page.evaluate(async (number) => {
    const report = [...(await globalThis.clients[number].pc.getStats()).values()];
    const sent = {};
    for (const one of report.filter(({ type }) => type === 'outbound-rtp')) {
      const codec = report.find(({ id }) => id === one.codecId);
      sent[one.kind] = {
        packets: one.packetsSent,
        frames: one.framesSent,
        width: one.frameWidth,
        height: one.frameHeight,
        ssrc: one.ssrc,
        codec: codec.mimeType.split('/')[1].toLowerCase(),
        mid: one.mid,
        nacks: one.nackCount,
        plis: one.pliCount,
        firs: one.firCount,
      };
    }
    return sent;
  }, publication.number);
}

/// The fields of the last `webrtc-stats` that gst-launch-1.0 has printed: of the publisher, and of
/// each track by its kind. Nested structures have their quotes and commas escaped, the deeper the
/// more; no value here has either.
function lastStats(pipeline) {
  // The last line may not be there to its end.
  const messages = pipeline.output.split('\n').slice(0, -1).filter((line) =>
    line.includes('webrtc-stats, publisher-0='));
  if (messages.length === 0) return null;
  const plain = messages.at(-1).replaceAll('\\', '').replaceAll('"', '');
  const [publisher, ...tracks] = plain.split(/track-\d+=\(structure\)/);
  const fieldsOf = (text) => Object.fromEntries(
    [...text.matchAll(/([a-z-]+)=\((?:string|guint64|uint|double)\)([^,;]*)/g)]
      .map(([, name, text]) => [name, text.replace(/\]+$/, '')])
      .map(([name, value]) => [name, Number.isNaN(Number(value)) ? value : Number(value)]));
  const byKind = Object.fromEntries(tracks.map((text) => fieldsOf(text)).map((one) =>
    [one.kind, one]));
  return { ...fieldsOf(publisher), ...byKind };
}

for (const browser of ['chromium', 'firefox']) {
  scenario(`stats_of${browser}_agreeWithItsOwn`, async (s) => {
    const pipeline = await s.pipeline(reserved);
    const publication = await s.publish(browser, pipeline.port, 'cam1', {});
    await publication.untilMediaSent(3);
    const before = await sentBy(publication);
    // The browser counts what it sends again among its packets.
    const packets = (track) => track['packets-received'] + track['rtx-packets-received'];
    const read = await until('the element has counted what was sent', () => {
      const stats = lastStats(pipeline);
      return stats?.video && packets(stats.video) + stats.video['packets-lost'] >=
        before.video.packets && stats.audio['packets-received'] + stats.audio['packets-lost'] >=
        before.audio.packets && stats.video['frames-received'] >= before.video.frames &&
        stats['round-trip-time'] !== undefined && stats;
    }, { detail: () => lastStats(pipeline) });
    const after = await sentBy(publication);

    for (const kind of ['video', 'audio']) {
      assert.equal(read[kind].codec, before[kind].codec);
      assert.equal(read[kind].ssrc, before[kind].ssrc);
      assert.equal(String(read[kind].mid), before[kind].mid);
      assert.ok(packets(read[kind]) <= after[kind].packets,
        `${kind}: ${packets(read[kind])} of ${after[kind].packets} packets`);
    }
    assert.ok(read.video['frames-received'] <= after.video.frames);
    assert.ok(read.video['key-frames-received'] > 0);
    // The size may have changed in between.
    const sizes = [before, after].map(({ video }) => `${video.width}x${video.height}`);
    assert.ok(sizes.includes(`${read.video.width}x${read.video.height}`),
      `${read.video.width}x${read.video.height}, the browser says ${sizes}`);
    assert.ok(read.video.bitrate > 0 && read.audio.bitrate > 0);
    assert.ok(read['round-trip-time'] < 5e9);
    assert.equal(read.transport, 'udp');
    assert.match(read['remote-address'], /^(\d+\.){3}\d+:\d+$|^\[[0-9a-f:]+\]:\d+$/);
    assert.ok(read.video['pli-count'] + read.video['fir-count'] >=
      before.video.plis + before.video.firs);
  });
}

/// The cells of the table's row for a stream.
function rowOf(page, name) {
  return page.$$eval('#streams tbody tr', (rows, wanted) => {
    const row = rows.find((one) => one.querySelector('.name').textContent === wanted);
    return row && {
      state: row.querySelector('.badge').dataset.state,
      texts: [...row.cells].slice(1).map((cell) => cell.textContent),
      focused: row.contains(document.activeElement),
    };
  }, name);
}

for (const browser of ['chromium', 'firefox']) {
  scenario(`table_in${browser}_isLiveAndShowsAnEnd`, async (s) => {
    const pipeline = await s.pipeline(reserved);
    const page = await s.page(browser, `http://localhost:${pipeline.port}/`);
    const detail = () => rowOf(page, 'cam1');
    await until('the stream waits', async () => (await detail())?.state === 'reserved',
      { detail });
    assert.deepEqual((await detail()).texts, ['', '', '', '', '', '']);
    await page.focus('#streams a');

    const publication = await s.publish('chromium', pipeline.port, 'cam1', { codecs: ['VP8'] });
    const shown = await until('the table has figures', async () => {
      const row = await detail();
      const [video, audio, rate, lost, time] = row.texts;
      return row.state === 'live' && /^VP8 \d+×\d+, \d+\/s$/.test(video) && audio === 'OPUS' &&
        /^[1-9].*bit\/s$/.test(rate) && /^\d+\.\d %$/.test(lost) &&
        /^\d+:\d\d:\d\d$/.test(time) && row;
    }, { detail });
    assert.equal(shown.texts[5], 'WebSocket');
    assert.ok(shown.focused, 'the focus left the row');
    await until('its time goes on', async () => (await detail()).texts[4] !== shown.texts[4],
      { detail });

    await publication.stop();
    await until('the stream waits again', async () => (await detail()).state === 'reserved',
      { detail });
    assert.deepEqual((await detail()).texts, ['', '', '', '', '', '']);
  });
}
