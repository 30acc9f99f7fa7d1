// SPDX-License-Identifier: LGPL-2.1-or-later
// The publish page's connection: the WebSocket protocol, what went wrong with it, and its figures.

const kDeadlineMs = 30000;

/// The video codecs that the page offers, by the name in their MIME type.
export const codecNames = { h264: 'H.264', vp8: 'VP8', vp9: 'VP9', av1: 'AV1', h265: 'H.265' };
const pretty = (name) => codecNames[name.toLowerCase()] ?? name.replace('opus', 'Opus');

const closeReasons = {
  1000: 'The server ended the publication.',
  1001: 'The pipeline behind the server has stopped.',
  1006: 'The connection to the server was lost.',
  4403: 'Publishing to this stream is not allowed.',
  4406: 'The browser and the server have no codec in common.',
  4408: 'Connecting took too long.',
  4409: 'Someone else is publishing this stream.',
};

/// A browser does not say why a WebSocket was refused; a plain GET of the same URL does.
async function refusal(url) {
  const response = await fetch(url, { cache: 'no-store' }).catch(() => null);
  if (!response) return 'The server cannot be reached. It may have stopped.';
  if (response.status === 426) return 'The WebSocket did not open. A proxy may not let it through.';
  const plain = response.headers.get('Content-Type')?.startsWith('text/plain');
  const sentence = plain ? (await response.text()).trim().slice(0, 300) : '';
  return `The server refused (${response.status}). ${sentence}`;
}

/// One WebSocket and one RTCPeerConnection, from the offer to the end. `url` has no scheme.
/// `report(state, detail)` is called with live when it is so or something about it changes, and
/// once with ended or failed.
export class Publication {
  #deadline;
  #opened = false;
  #live = false;
  #over = false;
  #report;
  #last = {}; // what the previous figures were made from

  constructor(url, tracks, codec, report) {
    this.#report = report;
    this.pc = new RTCPeerConnection();
    for (const track of tracks) this.#add(track, codec);
    this.socket = new WebSocket(location.protocol.replace('http', 'ws') + url);
    this.pc.onicecandidate = ({ candidate }) => candidate && this.#sendCandidate(candidate);
    this.pc.onconnectionstatechange = () => this.#connectionChanged(this.pc.connectionState);
    this.socket.onopen = () => this.#try('could not make an offer', () => this.#offer());
    this.socket.onmessage = ({ data }) =>
      this.#try('cannot use the server’s answer', () => this.#receive(JSON.parse(data)));
    this.socket.onclose = (event) => this.#socketClosed(event, url);
    this.#deadline = setTimeout(() => this.#end('failed', this.#obstacle()), kDeadlineMs);
  }

  sender(kind) {
    return this.pc.getTransceivers().find((each) => each.receiver.track.kind === kind)?.sender;
  }

  close() {
    this.#over = true;
    clearTimeout(this.#deadline);
    this.pc.close();
    this.socket.close(1000);
  }

  /// What is being sent, as words.
  async figures() {
    const report = await this.pc.getStats();
    const all = [...report.values()];
    const sent = all.filter(({ type }) => type === 'outbound-rtp');
    const main = sent.find(({ kind }) => kind === 'video') ?? sent[0];
    const heard = all.find(({ type, localId }) => type === 'remote-inbound-rtp'
      && localId === main?.id);
    const bytes = sent.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const rate = (bytes - this.#last.bytes) * 8 / (main?.timestamp - this.#last.time);
    this.#last = { bytes, time: main?.timestamp };
    const codecs = sent.map(({ codecId }) => report.get(codecId)?.mimeType.split('/')[1] ?? '');
    return {
      bitrate: rate >= 0 && `${Math.round(rate)} kbit/s`,
      fps: main?.framesPerSecond >= 0 && `${Math.round(main.framesPerSecond)} fps`,
      size: main?.frameWidth && `${main.frameWidth} × ${main.frameHeight}`,
      rtt: heard?.roundTripTime >= 0 && `${Math.round(heard.roundTripTime * 1000)} ms`,
      loss: heard?.fractionLost >= 0 && `${(heard.fractionLost * 100).toFixed(1)} %`,
      codec: codecs.filter(Boolean).map(pretty).join(', '),
    };
  }

  /// The codec goes first; the others stay behind it, so that the server can still choose.
  #add(track, codec) {
    const streams = [new MediaStream([track])];
    const transceiver = this.pc.addTransceiver(track, { direction: 'sendonly', streams });
    if (track.kind !== 'video' || codec === 'auto') return;
    const { codecs } = RTCRtpSender.getCapabilities('video');
    const rank = ({ mimeType }) => Number(mimeType.toLowerCase() !== `video/${codec}`);
    transceiver.setCodecPreferences(codecs.sort((a, b) => rank(a) - rank(b)));
  }

  #end(state, detail) {
    if (this.#over) return;
    this.close();
    this.#report(state, detail);
  }

  #try(fault, step) {
    return step().catch((error) => this.#end('failed', `The browser ${fault}: ${error.message}`));
  }

  #send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  async #offer() {
    this.#opened = true;
    await this.pc.setLocalDescription();
    this.#send({ type: 'offer', sdp: this.pc.localDescription.sdp });
  }

  #sendCandidate(candidate) {
    const { sdpMLineIndex: label, sdpMid: id } = candidate;
    this.#send({ type: 'candidate', stream_id: 'local1', label, id, candidate });
  }

  async #receive({ type, sdp, candidate }) {
    if (type === 'answer') await this.pc.setRemoteDescription({ type, sdp });
    if (type !== 'candidate') return;
    // One candidate that the browser cannot use is no reason to give up the others.
    await this.pc.addIceCandidate(candidate).catch((error) => console.warn(error.message));
  }

  #connectionChanged(now) {
    if (now === 'connected') {
      clearTimeout(this.#deadline);
      this.#live = true;
      const taken = this.pc.getTransceivers().map((each) => each.currentDirection === 'sendonly');
      const refused = this.pc.getSenders().filter((_, index) => !taken[index]);
      const what = refused.map(({ track }) => (track.kind === 'video' ? 'picture' : 'sound'));
      this.#report('live', what[0] && `The server does not take the ${what.join(' and the ')}.`);
    } else if (now === 'disconnected' && this.#live) {
      this.#report('live', 'The network is interrupted. Waiting for it to come back.');
    } else if (now === 'failed') {
      this.#end('failed', this.#live ? closeReasons[1006] : this.#obstacle());
    }
  }

  /// How far an attempt that does not get on has come.
  #obstacle() {
    if (!this.#opened) return 'The server does not answer.';
    if (!this.pc.remoteDescription) return 'The server did not answer the browser’s offer.';
    return ['connected', 'completed'].includes(this.pc.iceConnectionState)
      ? 'The server was reached, but the encrypted connection (DTLS) could not be set up.'
      : 'No network path to the server was found (ICE). A firewall may block it.';
  }

  async #socketClosed({ code, reason }, url) {
    // A socket that breaks while media flows ends nothing: the media decides.
    if (this.#over || (this.#live && code === 1006)) return;
    const words = closeReasons[code] ?? `The server closed the connection (code ${code}).`;
    const quote = reason && ` The server says: “${reason}”`;
    const state = [1000, 1001].includes(code) ? 'ended' : 'failed';
    this.#end(state, this.#opened ? words + quote : await refusal(url));
  }
}
