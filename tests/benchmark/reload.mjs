// SPDX-License-Identifier: LGPL-2.1-or-later
// What the reload of a publisher's page does to a recording: the largest steps between timestamps
// in the file, with webrtcpublishsrc and with a bare webrtcbin for each connection. The branches
// behind the bare ones are the same; "linked again" gives the pads of the second webrtcbin branches
// of their own into the muxer, "relinked by hand" links them to those of the first. Prints figures;
// needs a build in build/ (or BUILD_DIR) with -Dbenchmarks=enabled and what tools/test installs.
// BENCHMARK_RELOADS (5) changes its size.
//
//   node tests/benchmark/reload.mjs
import { stat } from 'node:fs/promises';
import path from 'node:path';

import { inspect } from '../browser/lib/media.mjs';
import { buildDirectory } from '../browser/lib/process.mjs';
import { Publication } from '../browser/lib/publication.mjs';
import { scenario } from '../browser/lib/scenario.mjs';
import { gaps, packetTimes } from '../browser/lib/timeline.mjs';

const reloads = Number(process.env.BENCHMARK_RELOADS ?? 5);
const bare = path.join(buildDirectory, 'tests/benchmark/benchmark-receive-bare');
const element = `webrtcpublishsrc name=pub port=PORT
  pub.video_cam1 ! queue ! h264parse ! mux. pub.audio_cam1 ! queue ! opusparse ! mux.
  matroskamux name=mux ! filesink location=cam1.mkv`;

/// Until two seconds of media were sent.
async function publish(page) {
  const publication = await Publication.start(page, 'cam1', { codecs: ['H264'] });
  const begun = performance.now();
  await publication.untilConnected();
  await publication.untilMore('video', 60);
  return { publication, begun };
}

/// Publishes, reloads the page and publishes again, `count` times. How many seconds each took from
/// the reload to the offer that the new page sent: page and camera are the browser's.
async function reloadPage(s, port, count) {
  const page = await s.page('chromium', `http://127.0.0.1:${port}/cam1/publish`);
  let { publication } = await publish(page);
  const times = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await page.reload();
    const again = await publish(page);
    publication = again.publication;
    times.push((again.begun - begin) / 1000);
  }
  return { publication, times };
}

const inOrder = (numbers) => [...numbers].sort((a, b) => a - b);
const median = (numbers) => inOrder(numbers)[numbers.length >> 1];
const seconds = (number) => `${number.toFixed(2)} s`;

/// The largest steps of each track that are a second apart at least, as many as there were reloads,
/// in the order of the file.
async function stepsOf(file, count) {
  const largest = (times) => gaps(times, 0).sort((a, b) => b.seconds - a.seconds)
    .reduce((found, step) => (found.length === count
      || found.some(({ to }) => Math.abs(to - step.to) < 1) ? found : [...found, step]), [])
    .sort((a, b) => a.to - b.to);
  const { video, audio } = await packetTimes(file);
  return { video: largest(video), audio: largest(audio) };
}

async function report(name, file, times) {
  const steps = await stepsOf(file, times.length);
  const [video, audio] = [steps.video, steps.audio].map((all) => all.map((step) => step.seconds));
  times.forEach((time, i) => console.log(`${name}: reload ${i + 1} at `
    + `${seconds(steps.video[i].to)}: ${seconds(time)} to the new offer, gap in video `
    + `${seconds(video[i])}, in audio ${seconds(audio[i])}`));
  const own = video.map((gap, i) => gap - times[i]);
  console.log(`${name}: median of ${times.length}: ${seconds(median(times))} to the new offer, gap `
    + `in video ${seconds(median(video))}, in audio ${seconds(median(audio))}; the gap in video `
    + `less the time to the offer: ${seconds(median(own))}, at most ${seconds(Math.max(...own))}`);
  const state = await inspect(file).then(({ video: { frames } }) => `${frames} frames decode, `
    + 'timestamps never go back', (error) => error.message);
  console.log(`${name}: the file: ${state}`);
}

scenario('benchmark_reload_element', async (s) => {
  const pipeline = await s.pipeline(element);
  const { publication, times } = await reloadPage(s, pipeline.port, reloads);
  await publication.stop();
  await pipeline.finished();
  await report('webrtcpublishsrc', s.file('cam1.mkv'), times);
}, { seconds: 30 + 20 * reloads });

/// benchmark-receive-bare, recording to bare.mkv.
async function startBare(s, second) {
  const program = s.program(bare, ['no-upnp', `record=${s.file('bare.mkv')}`, `second=${second}`]);
  const [, port] = await program.untilOutput('the port', /^port (\d+)$/m);
  return { program, port };
}

scenario('benchmark_reload_bareRelinkedByHand', async (s) => {
  const { program, port } = await startBare(s, 'old-branches');
  const { times } = await reloadPage(s, port, reloads);
  await program.interrupt();
  await report('bare webrtcbin, relinked by hand', s.file('bare.mkv'), times);
}, { seconds: 30 + 20 * reloads });

scenario('benchmark_reload_bareLinkedAgain', async (s) => {
  const { program, port } = await startBare(s, 'new-branches');
  await reloadPage(s, port, 1);
  const { size } = await stat(s.file('bare.mkv'));
  program.child.kill('SIGINT');
  const exit = await program.exited;
  const { video } = await packetTimes(s.file('bare.mkv'));
  const error = program.output.match(/^error (.*)$/m);
  const end = exit.code === 0 ? 'completed' : 'not completed: the muxer does not take EOS';
  console.log('bare webrtcbin, linked again: of two publications with at least 60 frames each the '
    + `file has ${video.length} frames (${size} bytes), up to ${seconds(video.at(-1))}; on the `
    + `bus: ${error ? `error from ${error[1]}` : 'no error'}; the file was ${end}`);
});
