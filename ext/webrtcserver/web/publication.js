// SPDX-License-Identifier: LGPL-2.1-or-later
// The publish page's connection: the two doors to the server, what went wrong, and its figures.

// What the close codes mean. The server's reason says more.
const closings = {
  1000: 'The server ended the publication.',
  1001: 'The pipeline behind the server has stopped.',
  1006: 'The connection to the server was lost.',
  4406: 'The browser and the server have no codec in common.',
  4409: 'Someone else is publishing this stream.',
};
const unreachable = 'The server cannot be reached. It may have stopped.';

/// The STUN servers that the page itself came with, in Link headers as WHIP has them.
async function findIceServers() {
  const page = await fetch(location.href, {
    method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(3000),
  }).catch(() => null);
  const links = page?.headers.get('Link') ?? '';
  return [...links.matchAll(/<(stuns?:[^>]+)>; *rel="ice-server"/g)].map(([, urls]) => ({ urls }));
}

const iceServers = await findIceServers();

/// What a server says that does not do what it was asked.
async function refusal(response) {
  const plain = response.headers.get('Content-Type')?.startsWith('text/plain');
  const sentence = plain ? (await response.text()).trim().slice(0, 300) : '';
  return `The server refused (${response.status}). ${sentence}`;
}

/// A way to exchange offer, answer and candidates of one RTCPeerConnection. `stream` is the
/// stream's URL without its scheme. `over(state, detail)` is called with ended or failed, and with
/// lost when the exchange has broken off, which is no fault while media flow. close() says goodbye;
/// when it has returned, the media may end.
class Door {
  constructor(pc, stream, over) {
    Object.assign(this, { pc, stream, over });
  }

  attempt(what, step) {
    step.catch(({ message }) => this.over('failed', `The browser cannot ${what}: ${message}`));
  }
}

/// Our WebSocket protocol: each part of the exchange is a message.
class WebSocketDoor extends Door {
  #opened = false;

  constructor(...context) {
    super(...context);
    const url = `${this.stream}/webrtc/publish${location.search}`;
    this.socket = new WebSocket(location.protocol.replace('http', 'ws') + url);
    this.pc.onicecandidate = ({ candidate }) => candidate && this.#send({
      type: 'candidate', stream_id: 'local1', label: candidate.sdpMLineIndex, id: candidate.sdpMid,
      candidate,
    });
    this.socket.onopen = () => this.attempt('make an offer', this.#offer());
    this.socket.onmessage = ({ data }) => this.attempt('use the answer', this.#receive(data));
    this.socket.onclose = (event) => this.#closed(event, url);
  }

  async close() {
    this.socket.onclose = null;
    this.socket.close(1000);
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

  async #closed({ code, reason }, url) {
    if (!this.#opened) return this.over('failed', await this.#whyRefused(url));
    const words = closings[code] ?? `The server closed the connection (code ${code}).`;
    const quote = reason && ` The server says: “${reason}”`;
    this.over({ 1000: 'ended', 1001: 'ended', 1006: 'lost' }[code] ?? 'failed', words + quote);
  }

  /// A browser does not say why a WebSocket was refused; a plain GET of the same URL does.
  async #whyRefused(url) {
    const response = await fetch(url, { cache: 'no-store' }).catch(() => null);
    if (!response) return unreachable;
    if (response.status !== 426) return refusal(response);
    return 'The WebSocket did not open. A proxy may not let it through.';
  }
}

/// WHIP, RFC 9725: the offer is posted, the reply is the answer. All else goes to the URL of the
/// session that this has made.
class WhipDoor extends Door {
  #session = null; // { url, etag }
  #closed = false;
  #gathered;

  constructor(...context) {
    super(...context);
    this.#gathered = new Promise((resolve) => {
      this.pc.onicecandidate = ({ candidate }) => candidate || resolve();
    });
    this.attempt('make an offer', this.#offer());
  }

  /// The page may be left while the request is under way. A silent server is not waited for.
  async close() {
    this.#closed = true;
    await this.#ask('DELETE', { keepalive: true, signal: AbortSignal.timeout(3000) });
  }

  async #offer() {
    await this.pc.setLocalDescription();
    const response = await fetch(`${this.stream}/whip${location.search}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: this.pc.localDescription.sdp,
    }).catch(() => null);
    if (!response?.ok) return this.over('failed', response ? await refusal(response) : unreachable);
    const [url, etag] = ['Location', 'ETag'].map((name) => response.headers.get(name));
    this.#session = { url: new URL(url, response.url), etag };
    // Stop may have been pressed meanwhile.
    if (this.#closed) return this.close();
    return this.attempt('use the answer', this.#receive(await response.text()));
  }

  /// The server's addresses, which are all in the answer, suffice to connect. The browser's own are
  /// for a server that is reached through a relay, and may come late.
  async #receive(sdp) {
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    // A server of WHIP has no goodbye but that of DTLS.
    const [{ transport }] = this.pc.getSenders();
    transport.onstatechange = () =>
      transport.state === 'closed' && this.over('ended', closings[1000]);
    await this.#gathered;
    if (this.#closed) return;
    const parts = /^(m=|a=(group|mid|ice-ufrag|ice-pwd|candidate|end-of-candidates)\b).*\r\n/gm;
    const type = 'application/trickle-ice-sdpfrag';
    await this.#ask('PATCH', {
      headers: { 'Content-Type': type, 'If-Match': this.#session.etag },
      body: this.pc.localDescription.sdp.match(parts).join(''),
    });
  }

  async #ask(method, options) {
    return this.#session && fetch(this.#session.url, { method, ...options }).catch(() => null);
  }
}

const doors = { websocket: WebSocketDoor, whip: WhipDoor };

/// One door and one RTCPeerConnection, from the offer to the end. `stream` is the stream's URL
/// without its scheme. `report(state, detail)` is called with live when it is so or something about
/// it changes, and once with ended or failed.
export class Publication {
  #live = false;
  #over = false;
  #report;
  #last = {}; // what the previous figures were made from

  constructor(door, stream, tracks, codec, report) {
    this.#report = report;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers });
    for (const track of tracks) this.#add(track, codec);
    this.pc.onconnectionstatechange = () => this.#connectionChanged(this.pc.connectionState);
    this.door = new doors[door](this.pc, stream, (...how) => this.#end(...how));
  }

  sender(kind) {
    return this.pc.getTransceivers().find((each) => each.receiver.track.kind === kind)?.sender;
  }

  /// The goodbye goes first: media that end without one look like a loss.
  async close() {
    if (this.#over) return;
    this.#over = true;
    await this.door.close();
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
    if (this.#over || (state === 'lost' && this.#live)) return;
    this.close();
    this.#report(state === 'ended' ? state : 'failed', detail);
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
}
