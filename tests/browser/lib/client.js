// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of the publish protocol that runs in the browser, independent of the product's page.
// Evaluated in a page of the server, it defines `PublishTest`.
globalThis.PublishTest = class PublishTest {
  /// `video`, `audio`: getUserMedia constraints, or false. `codecs`: the video codecs to offer, in
  /// this order ("VP8"); all when absent. `keepSize`: the encoder may drop frames, but not scale.
  /// `beacon`: a WebM file, base64, that is played and sent in the stead of camera and microphone.
  /// `opus`: parameters for the fmtp line of Opus in offer and answer ("stereo=1;usedtx=1").
  /// `canvases`: sizes ([[320, 240], …]) of painted pictures that are sent in the stead of camera and
  /// microphone, a track each. `hideSources`: the offer that is sent has no a=ssrc. `iceServers`: as
  /// RTCPeerConnection's.
  static async start(stream, {
    video = true, audio = true, codecs, keepSize = true, beacon, opus, canvases, hideSources,
    iceServers,
  } = {}) {
    const client = new PublishTest();
    if (canvases) {
      client.media = new MediaStream(canvases.map((size) => PublishTest.#paint(...size)));
    } else {
      client.media = beacon ? await PublishTest.#play(beacon)
        : await navigator.mediaDevices.getUserMedia({ video, audio });
    }
    client.codecs = codecs;
    client.hideSources = hideSources;
    client.opus = opus;
    client.iceServers = iceServers;
    client.closed = null;
    client.errors = [];
    client.keepSize = keepSize;
    client.connections = [];
    client.#connect();
    client.#openSocket(stream);
    await client.#offer();
    return client;
  }

  /// For a connection of somebody else's code: report(), and what works on nothing but `pc`.
  static watch(pc) {
    const client = new PublishTest();
    Object.assign(client, { pc, closed: null, errors: [], atConnection: null });
    pc.addEventListener('connectionstatechange', () => client.#connectionChanged());
    client.#connectionChanged();
    return client;
  }

  /// A new connection for the same media; the one before stays as it is.
  #connect() {
    const pc = new RTCPeerConnection({ iceServers: this.iceServers ?? [] });
    this.pc = pc;
    this.connections.push(pc);
    this.atConnection = null;
    this.senders = {};
    for (const track of this.media.getTracks()) {
      const transceiver = pc.addTransceiver(track, {
        direction: 'sendonly', streams: [this.media],
      });
      this.senders[track.kind] = transceiver.sender;
      if (track.kind !== 'video') continue;
      this.videoSender = transceiver.sender;
      if (this.codecs) transceiver.setCodecPreferences(PublishTest.#preferences(this.codecs));
    }
    pc.addEventListener('connectionstatechange', () => this.#connectionChanged());
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (!candidate || pc !== this.pc) return;
      this.#send({
        type: 'candidate', stream_id: 'local1', label: candidate.sdpMLineIndex,
        id: candidate.sdpMid, candidate: candidate.toJSON(),
      });
    });
  }

  async #offer() {
    this.answer = null;
    this.answered = false;
    this.acceptedCandidates = 0;
    const sdp = this.#withOpus((await this.pc.createOffer()).sdp);
    await this.pc.setLocalDescription({ type: 'offer', sdp });
    this.#send({
      type: 'offer', sdp: this.hideSources ? sdp.replace(/^a=ssrc.*\r\n/gm, '') : sdp,
    });
  }

  /// Another offer over the same socket: for a new connection, or, with `restart`, for the same one
  /// with new ICE credentials.
  async newOffer({ restart = false } = {}) {
    if (restart) this.pc.restartIce();
    else this.#connect();
    await this.#offer();
  }

  static #preferences(names) {
    const all = RTCRtpSender.getCapabilities('video').codecs;
    const named = (name) => all.filter(({ mimeType }) =>
      mimeType.toLowerCase() === `video/${name.toLowerCase()}`);
    const wanted = names.flatMap((name) => {
      if (named(name).length === 0) throw new Error(`this browser does not send ${name}`);
      return named(name);
    });
    return [...wanted, ...named('rtx')];
  }

  static async #play(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const player = document.createElement('video');
    player.src = URL.createObjectURL(new Blob([bytes], { type: 'video/webm' }));
    player.loop = true;
    await player.play();
    return player.captureStream?.() ?? player.mozCaptureStream();
  }

  #withOpus(sdp) {
    if (!this.opus) return sdp;
    const [, payload] = sdp.match(/^a=rtpmap:(\d+) opus\//m);
    return sdp.replace(new RegExp(`^(a=fmtp:${payload} .*?)\r?$`, 'm'), `$1;${this.opus}\r`);
  }

  #openSocket(stream) {
    const base = location.origin.replace(/^http/, 'ws');
    this.waiting = [];
    this.remoteWaiting = [];
    this.socket = new WebSocket(`${base}/${stream}/webrtc/publish`);
    this.socket.onopen = () => {
      for (const text of this.waiting.splice(0)) this.socket.send(text);
    };
    this.socket.onclose = ({ code, reason }) => { this.closed = { code, reason }; };
    this.socket.onmessage = ({ data }) => this.#receive(JSON.parse(data)).catch(
      (error) => this.errors.push(String(error)));
  }

  #send(message) {
    const text = JSON.stringify(message);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
    else this.waiting.push(text);
  }

  async #receive(message) {
    if (message.type === 'answer') {
      this.answer = message.sdp;
      await this.pc.setRemoteDescription({ type: 'answer', sdp: this.#withOpus(message.sdp) });
      if (this.keepSize && this.videoSender) await this.#forbidScaling();
      this.answered = true;
      for (const candidate of this.remoteWaiting.splice(0)) await this.#addCandidate(candidate);
    } else if (message.type === 'candidate') {
      if (!this.answer) this.errors.push('a candidate came before the answer');
      if (this.answered) await this.#addCandidate(message.candidate);
      else this.remoteWaiting.push(message.candidate);
    }
  }

  async #addCandidate(candidate) {
    await this.pc.addIceCandidate(candidate);
    this.acceptedCandidates += 1;
  }

  async #forbidScaling() {
    const parameters = this.videoSender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    await this.videoSender.setParameters(parameters);
  }

  async #connectionChanged() {
    if (this.pc.connectionState !== 'connected' || this.atConnection) return;
    this.atConnection = await this.snapshot();
  }

  /// What the browser says it sent: { time, video: {…}, audio: {…}, availableOutgoingBitrate,
  /// path: the name of the pair of candidates that media take, ends: its { local, remote }, each
  /// { protocol, type, address, port } }.
  async snapshot() {
    const result = { time: performance.now(), state: this.pc.connectionState };
    const report = await this.pc.getStats();
    for (const entry of report.values()) {
      if (entry.type === 'outbound-rtp') {
        result[entry.kind] = {
          codec: report.get(entry.codecId)?.mimeType,
          frames: entry.framesSent ?? entry.framesEncoded ?? 0,
          packets: entry.packetsSent,
          bytes: entry.bytesSent,
          width: entry.frameWidth,
          height: entry.frameHeight,
          limitation: entry.qualityLimitationReason,
          keyFrames: entry.keyFramesEncoded,
          plis: entry.pliCount,
        };
      } else if (entry.type === 'candidate-pair' && entry.availableOutgoingBitrate) {
        result.availableOutgoingBitrate = entry.availableOutgoingBitrate;
      } else if (entry.type === 'transport') {
        result.path = entry.selectedCandidatePairId;
        result.ends = PublishTest.#ends(report, result.path);
      }
    }
    return result;
  }

  static #ends(report, path) {
    const pair = report.get(path);
    const end = (id) => {
      const { protocol, candidateType: type, address, port } = report.get(id) ?? {};
      return { protocol, type, address, port };
    };
    return pair && { local: end(pair.localCandidateId), remote: end(pair.remoteCandidateId) };
  }

  async report() {
    return {
      ...(await this.snapshot()), atConnection: this.atConnection, closed: this.closed,
      errors: this.errors, acceptedCandidates: this.acceptedCandidates,
      candidates: this.pc.signalingState === 'closed' ? []
        : this.pc.remoteDescription?.sdp.match(/candidate:.*/g) ?? [],
    };
  }

  /// The camera itself gives another size.
  async captureAs(width, height) {
    await this.media.getVideoTracks()[0].applyConstraints({
      width: { exact: width }, height: { exact: height },
    });
  }

  /// The encoder makes the picture smaller.
  async scaleDownBy(factor) {
    const parameters = this.videoSender.getParameters();
    parameters.encodings[0].scaleResolutionDownBy = factor;
    await this.videoSender.setParameters(parameters);
  }

  /// The encoder may send no more than that, bit/s, and make the picture smaller for it.
  async allowScaling(maxBitrate) {
    const parameters = this.videoSender.getParameters();
    parameters.degradationPreference = 'balanced';
    parameters.encodings[0].maxBitrate = maxBitrate;
    await this.videoSender.setParameters(parameters);
  }

  /// What a mute button does: black and silence are sent.
  setEnabled(kind, enabled) {
    this.senders[kind].track.enabled = enabled;
  }

  /// Nothing is sent for that kind, until sendAgain().
  sendNothing(kind) {
    return this.senders[kind].replaceTrack(null);
  }

  sendAgain(kind) {
    const track = this.media.getTracks().find((each) => each.kind === kind);
    return this.senders[kind].replaceTrack(track);
  }

  /// A screen in the camera's stead; in Firefox, which has no screen when it is headless, a tab.
  async sendScreen() {
    const devices = navigator.mediaDevices;
    this.screen = await (navigator.userAgent.includes('Firefox')
      ? devices.getUserMedia({ video: { mediaSource: 'browser' } })
      : devices.getDisplayMedia({ video: true }));
    await this.videoSender.replaceTrack(this.screen.getVideoTracks()[0]);
  }

  /// A painted picture in the camera's stead, with something that moves.
  async sendCanvas(width, height) {
    await this.videoSender.replaceTrack(PublishTest.#paint(width, height));
  }

  static #paint(width, height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    let count = 0;
    setInterval(() => {
      context.fillStyle = '#246';
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#fc8';
      context.fillRect(count++ % width, height / 4, width / 4, height / 2);
    }, 33);
    return canvas.captureStream(30).getVideoTracks()[0];
  }

  /// Nothing is sent of the track with this number (of `canvases`), or it is sent again.
  async holdTrack(number, held) {
    const sender = this.pc.getTransceivers()[number].sender;
    await sender.replaceTrack(held ? null : this.media.getTracks()[number]);
  }

  /// Frames that were sent of each m= line, by its MID.
  async framesByMid() {
    const frames = {};
    for (const entry of (await this.pc.getStats()).values()) {
      if (entry.type === 'outbound-rtp') frames[entry.mid] = entry.framesSent ?? 0;
    }
    return frames;
  }

  /// The media end, and the socket stays open.
  closeTransport() {
    this.pc.close();
  }

  /// As a page that says goodbye: 1000, or no code.
  stop(code) {
    for (const pc of this.connections) pc.close();
    for (const track of this.media.getTracks()) track.stop();
    this.socket.close(code);
  }
};
