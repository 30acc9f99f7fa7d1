// SPDX-License-Identifier: LGPL-2.1-or-later
// How far apart a flash and a beep of one moment lie in the recording of a browser's stream.
// SYNC_SECONDS: how long each of the two publications lasts (10).
import assert from 'node:assert/strict';

import { assertRecording } from './lib/media.mjs';
import { Publication } from './lib/publication.mjs';
import { encodedVideo, inBoth, recorder } from './lib/recorder.mjs';
import { beacons, beepDelays, makeBeacon } from './lib/timeline.mjs';

/// How far the middle one may be off, in ms. The element's own share is what the element test
/// "sync" measures, to 40 ms; a browser short of processor time paints, plays and takes late.
const limit = { chromium: 100, firefox: 300 };
const seconds = Number(process.env.SYNC_SECONDS ?? 10);

/// In the page: camera and microphone are a canvas and an oscillator from now on. Both follow the
/// audio clock: white and loud for a tenth of every second. The canvas is looked at 30 times a
/// second: a picture is taken up to 33 ms after it was painted.
function flashAndBeep() {
  navigator.mediaDevices.getUserMedia = async () => {
    const audio = new AudioContext({ sampleRate: 48_000 });
    await audio.resume();
    const sound = audio.createMediaStreamDestination();
    const volume = new GainNode(audio, { gain: 0 });
    const tone = new OscillatorNode(audio, { frequency: 1000 });
    tone.connect(volume).connect(sound);
    tone.start();

    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
    const context = canvas.getContext('2d');
    const first = Math.ceil(audio.currentTime) + 1;
    let next = first;
    setInterval(() => {
      const now = audio.currentTime;
      for (; next < now + 0.5; next += 1) {
        volume.gain.setValueAtTime(0.5, next);
        volume.gain.setValueAtTime(0, next + 0.1);
      }
      context.fillStyle = now >= first && now % 1 < 0.1 ? '#fff' : '#000';
      context.fillRect(0, 0, 320, 240);
    }, 4);
    return new MediaStream([
      ...canvas.captureStream(30).getTracks(), ...sound.stream.getTracks(),
    ]);
  };
}

/// What the client publishes. Firefox runs no audio clock of its own where there is no sound card;
/// it plays a file instead, whose sound and picture its player may show some frames apart.
async function source(s, browser, page) {
  if (browser === 'firefox') return { beacon: await makeBeacon(s.file('beacon.webm'), 30) };
  await page.evaluate(flashAndBeep);
  return {};
}

/// The page sends for a while.
async function visit(page, browser, options, code) {
  const publication = await Publication.start(page, browser, options);
  await publication.untilConnected();
  const { time } = await publication.report();
  await publication.until(`${seconds} s have passed`,
    (report) => report.time >= time + 1000 * seconds, { seconds: 2 * seconds + 30 });
  await publication.stop(code);
}

inBoth('sync_flashAndBeep_stayTogetherInTheRecording', async (s, browser) => {
  const pipeline = await s.pipeline(`webrtcpublishsrc name=pub port=PORT reconnect-timeout=20000
    ${recorder(browser, encodedVideo[browser])}`);
  const page = await s.page(browser, `http://127.0.0.1:${pipeline.port}/${browser}/publish`);
  const options = await source(s, browser, page);
  // As a page that is left, then as one that says goodbye: one recording has both.
  await visit(page, browser, options, 4000);
  await visit(page, browser, options, 1000);
  await pipeline.finished();
  assert.deepEqual(pipeline.errors(), []);

  const file = s.file(`${browser}.mkv`);
  await assertRecording(file);
  const delays = beepDelays(await beacons(file)).map(({ delay }) => Math.round(delay * 1000));
  const [middle] = [...delays].sort((a, b) => a - b).slice(delays.length >> 1);
  console.log(`# ${browser}: beep after flash, ms: ${middle}; ${delays.join(' ')}`);
  assert.ok(delays.length >= seconds, `${delays.length} beeps have a flash beside them`);
  assert.ok(Math.abs(middle) <= limit[browser], `more than ${limit[browser]} ms: ${delays}`);
}, { seconds: 120 + 4 * seconds });
