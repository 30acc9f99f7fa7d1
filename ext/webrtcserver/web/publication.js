// SPDX-License-Identifier: LGPL-2.1-or-later
// The publish page's connection: the WebSocket protocol, what went wrong with it, and its figures.

// What the close codes mean. The server's reason says more.
const closings = {
  1000: 'The server ended the publication.',
  1001: 'The pipeline behind the server has stopped.',
  1006: 'The connection to the server was lost.',
  4406: 'The browser and the server have no codec in common.',
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
    this.pc.onicecandidate = ({ candidate }) => candidate && this.#send({
      type: 'candidate', stream_id: 'local1', label: candidate.sdpMLineIndex, id: candidate.sdpMid,
      candidate,
    });
    this.pc.onconnectionstatechange = () => this.#connectionChanged(this.pc.connectionState);
    this.socket.onopen = () => this.#try('make an offer', this.#offer());
    this.socket.onmessage = ({ data }) => this.#try('use the answer', this.#receive(data));
    this.socket.onclose = (event) => this.#socketClosed(event, url);
  }

  sender(kind) {
    return this.pc.getTransceivers().find((each) => each.receiver.track.kind === kind)?.sender;
  }

  /// The goodbye goes first: media that end without one look like a loss.
  close() {
    this.#over = true;
    this.socket.close(1000);
    this.pc.close();
  }

  /// What is being sent, as words.
  async figures() {
    const report = await this.pc.getStats();
    const of = (type) => [...report.values()].filter((each) => each.type === type);
    const sent = of('outbound-rtp');
    const main = sent.find(({ kind }) => kind === 'video') ?? sent[0];
    const heard = of('remote-inbound-rtp').find(({ localId }) => localId === main?.id);
    const pair = of('candidate-pair').find(({ nominated }) => nominated);
    const trip = heard?.roundTripTime ?? pair?.currentRoundTripTime;
    const bytes = sent.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const rate = (bytes - this.#last.bytes) * 8 / (main?.timestamp - this.#last.time);
    this.#last = { bytes, time: main?.timestamp };
    const codecs = sent.map(({ codecId }) => report.get(codecId)?.mimeType.split('/')[1]);
    return {
      bitrate: rate >= 0 && `${Math.round(rate)} kbit/s`,
      fps: main?.framesPerSecond >= 0 && `${Math.round(main.framesPerSecond)} fps`,
      size: main?.frameWidth && `${main.frameWidth} × ${main.frameHeight}`,
      rtt: trip >= 0 && `${Math.round(trip * 1000)} ms`,
      loss: heard?.fractionLost >= 0 && `${(heard.fractionLost * 100).toFixed(1)} %`,
      codec: codecs.filter(Boolean).join(', '),
    };
  }

  /// The server has an order of its own: a codec is chosen by offering no other.
  #add(track, codec) {
    const streams = [new MediaStream([track])];
    const transceiver = this.pc.addTransceiver(track, { direction: 'sendonly', streams });
    if (track.kind !== 'video' || codec === 'auto') return;
    const wanted = [`video/${codec}`, 'video/rtx'];
    const { codecs } = RTCRtpSender.getCapabilities('video');
    transceiver.setCodecPreferences(
      codecs.filter(({ mimeType }) => wanted.includes(mimeType.toLowerCase())));
  }

  #end(state, detail) {
    if (this.#over) return;
    this.close();
    this.#report(state, detail);
  }

  #try(what, step) {
    step.catch(({ message }) => this.#end('failed', `The browser cannot ${what}: ${message}`));
  }

  async #offer() {
    this.#opened = true;
    await this.pc.setLocalDescription();
    this.#send({ type: 'offer', sdp: this.pc.localDescription.sdp });
  }

  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  async #receive(data) {
    const { type, sdp, candidate } = JSON.parse(data);
    if (type === 'answer') await this.pc.setRemoteDescription({ type, sdp });
    if (type !== 'candidate') return;
    // One candidate that the browser cannot use is no reason to give up the others.
    await this.pc.addIceCandidate(candidate).catch(console.warn);
  }

  #connectionChanged(now) {
    if (now === 'connected') {
      this.#live = true;
      const all = this.pc.getTransceivers();
      const unused = all.filter(({ currentDirection }) => currentDirection === 'inactive');
      const what = unused.map((each) => each.receiver.track.kind).join(' and the ');
      this.#report('live', what && `The server does not take the ${what}.`);
    } else if (now === 'disconnected' && this.#live) {
      this.#report('live', 'The network is interrupted. Waiting for it to come back.');
    } else if (now === 'failed') {
      this.#end('failed', this.#live ? closings[1006]
        : 'No network path to the server was found for the media. A firewall may block it.');
    }
  }

  async #socketClosed({ code, reason }, url) {
    // A socket that breaks while media flows ends nothing: the media decides.
    if (this.#over || (this.#live && code === 1006)) return;
    const words = closings[code] ?? `The server closed the connection (code ${code}).`;
    const quote = reason && ` The server says: “${reason}”`;
    const state = [1000, 1001].includes(code) ? 'ended' : 'failed';
    this.#end(state, this.#opened ? words + quote : await refusal(url));
  }
}
