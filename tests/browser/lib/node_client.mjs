// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher without a browser: RTP of a GStreamer pipeline, sent by werift, let in by WHIP.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { MediaStreamTrack, RTCPeerConnection, useOPUS, useVP8 } from 'werift';

import { until } from './wait.mjs';

/// A track of the packets that come to a UDP port: { track, port, frames }, `frames` counts RTP's
/// marks: of video one a picture.
async function startTrack(s, kind) {
  const socket = createSocket('udp4');
  s.atEnd(async () => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const track = new MediaStreamTrack({ kind });
  const source = { track, port: socket.address().port, frames: 0 };
  socket.on('message', (packet) => {
    track.writeRtp(packet);
    source.frames += packet[1] >> 7;
  });
  return source;
}

/// Publishes VP8 and Opus: { frames, stop }. frames() is how many pictures were sent; stop() says
/// goodbye.
export async function publishFromNode(s, endpoint, token) {
  const pc = new RTCPeerConnection({
    bundlePolicy: 'max-bundle', iceServers: [],
    codecs: { audio: [useOPUS()], video: [useVP8()] },
  });
  s.atEnd(() => pc.close());
  const [video, audio] = await Promise.all([startTrack(s, 'video'), startTrack(s, 'audio')]);
  for (const { track } of [video, audio]) pc.addTransceiver(track, { direction: 'sendonly' });
  await pc.setLocalDescription(await pc.createOffer());
  const answer = await fetch(endpoint, {
    method: 'POST', body: pc.localDescription.sdp,
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 201);
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  await until('werift is connected', () => pc.connectionState === 'connected',
    { detail: () => pc.iceConnectionState });
  s.program('gst-launch-1.0', `videotestsrc is-live=true
    ! video/x-raw,width=320,height=240,framerate=30/1
    ! vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay ! udpsink host=127.0.0.1 port=${video.port}
    audiotestsrc is-live=true ! opusenc ! rtpopuspay ! udpsink host=127.0.0.1 port=${audio.port}`
    .split(/\s+/));
  return {
    frames: () => video.frames,
    async stop() {
      const session = new URL(answer.headers.get('Location'), endpoint);
      assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
      await pc.close();
    },
  };
}
