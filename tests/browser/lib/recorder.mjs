// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings of what the element gives, as it was sent or decoded, and tests for both browsers.
import { scenario } from './scenario.mjs';

const links = { h264: 'queue ! h264parse', vp8: 'video/x-vp8 ! queue' };
/// Of what each browser sends: Firefox has no H.264 before it has downloaded it.
export const encodedVideo = { ...links, chromium: links.h264, firefox: links.vp8 };
export const encodedAudio = 'queue ! opusparse';

// The encoder is given one colorimetry: matroskamux takes another size, but no other colours.
export const rawVideo = `queue ! videoconvert
  ! video/x-raw,format=I420,colorimetry=bt709,chroma-site=mpeg2
  ! x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! video/x-h264,stream-format=avc3`;
export const rawAudio = 'queue ! audioconvert ! audioresample ! opusenc';

export const matroska = { mux: 'matroskamux', ending: 'mkv' };

/// The part of a pipeline that writes the stream NAME to a file: NAME.mkv unless told otherwise.
export function recorder(name, video, audio = encodedAudio, { mux, ending } = matroska) {
  const sink = `filesink location=${name}.${ending} async=false buffer-mode=unbuffered`;
  return `pub.video_${name} ! ${video} ! mux_${name}. pub.audio_${name} ! ${audio} ! mux_${name}.
    ${mux} name=mux_${name} ! ${sink}`;
}

/// One test for both browsers at once, since most of it is waiting.
export function inBoth(name, body, options) {
  scenario(name, (s) => Promise.all(['chromium', 'firefox'].map(async (browser) => {
    try {
      await body(s, browser);
    } catch (error) {
      error.message = `${browser}: ${error.message}`;
      throw error;
    }
  })), options);
}

/// How often the element has posted such a message.
export function messages(pipeline, name) {
  return pipeline.output.split(` (element): ${name},`).length - 1;
}

/// Why the first publisher that went has gone, as the element tells it.
export async function untilRemoved(pipeline) {
  const [, reason] = await pipeline.untilOutput('a publisher is gone',
    / webrtc-publisher-removed,.* reason=\(string\)"?(.*?)"?;/, 60);
  return reason.replaceAll('\\', '');
}
