// SPDX-License-Identifier: LGPL-2.1-or-later
// The publish page: captures picture and sound and sends them to the stream that the URL names.
//
// The URL's fragment presets the page; each value is that of an option in the page:
//   /cam1/publish#video=camera&audio=none&resolution=1280x720&frame-rate=30&codec=vp8&autostart=1
//   video       camera, screen, none
//   audio       microphone, screen (the sound of a shared screen), none
//   resolution  640x360, 1280x720, 1920x1080, any
//   frame-rate  15, 24, 30, 60, any
//   codec       auto, h264, vp8, vp9, av1, h265
//   autostart   1 publishes at once (a screen can be shared only after a click)
// The URL's query string (a token, for instance) goes along to the server.
// window.publisher is { pc, socket }: the current RTCPeerConnection and WebSocket, or nulls.

import { Publication, codecNames } from './publication.js';

const kStatsMs = 1000;

// Each state's headline, and what is said with it when there is nothing special to say.
const states = {
  idle: ['Ready', 'Press Publish to begin.'],
  asking: ['Asking for permission', 'The browser may ask whether this page may use them.'],
  connecting: ['Connecting', 'The server is asked to take the stream.'],
  live: ['Live', 'The stream is being sent.'],
  ended: ['Ended', 'Nothing is captured or sent any more.'],
  failed: ['Failed', ''],
};

const $ = (id) => document.getElementById(id);
const sides = { // `track` is what is seen and sent, `from` the option that it was opened for
  video: { source: $('video-source'), device: 'camera' },
  audio: { source: $('audio-source'), device: 'microphone' },
};
const kinds = Object.keys(sides);
const devicesOf = (some, and) => some.map((kind) => sides[kind].device).join(and);

// The path stays encoded as the browser has it.
const streamPath = location.pathname.replace(/\/publish\/?$/, '');

let publication = null;
let turn = 0; // counts what the user began: a capture that returns in a later turn is dropped

// The page

function show(state, detail) {
  const busy = ['asking', 'connecting', 'live'].includes(state);
  const focused = document.activeElement;
  $('status').dataset.state = state;
  const [headline, usual] = states[state];
  $('status').querySelector('strong').textContent = headline;
  $('status').querySelector('span').textContent = detail || usual;
  $('publish').disabled = busy;
  $('stop').disabled = !busy && !kinds.some((kind) => sides[kind].track);
  if (focused === $('publish') && busy) $('stop').focus();
  if (focused === $('stop') && $('stop').disabled) $('publish').focus();
  $('resolution').disabled = $('frame-rate').disabled = state === 'asking';
  $('codec').disabled = busy;
  for (const kind of kinds) {
    // A kind that is not in the offer cannot join later: the page offers once.
    const absent = publication && !publication.sender(kind);
    sides[kind].source.disabled = state === 'asking' || Boolean(absent);
  }
  $('placeholder').hidden = Boolean(sides.video.track);
  $('show-preview').hidden = busy || sides.video.source.value === 'none';
}

const note = (detail) => show($('status').dataset.state, detail);

function fillSelect(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) select.value = before;
}

/// Browsers tell the devices' names only once the user has allowed a capture.
async function listSources() {
  const media = navigator.mediaDevices;
  const named = (await media.enumerateDevices()).filter(({ label }) => label);
  const devices = (kind, value, text) => {
    const some = named.filter((each) => each.kind === kind && each.deviceId !== 'default');
    if (some.length < 2) return [[value, some[0]?.label ?? text]];
    const each = some.map(({ deviceId, label }) => [`${value}:${deviceId}`, label]);
    return [[value, `Default ${value}`], ...each];
  };
  const screen = media.getDisplayMedia ? [['screen', 'Screen or window']] : [];
  // The browsers that capture a screen's sound are those that know how to silence it.
  const { suppressLocalAudioPlayback } = media.getSupportedConstraints();
  const sound = suppressLocalAudioPlayback ? [['screen', 'Sound of the screen']] : [];
  const camera = devices('videoinput', 'camera', 'Camera');
  const microphone = devices('audioinput', 'microphone', 'Microphone');
  fillSelect(sides.video.source, [...camera, ...screen, ['none', 'None']]);
  fillSelect(sides.audio.source, [...microphone, ...sound, ['none', 'None']]);
}

function listCodecs() {
  const { codecs } = RTCRtpSender.getCapabilities('video');
  const has = (name) => codecs.some(({ mimeType }) => mimeType.toLowerCase() === `video/${name}`);
  const usable = Object.entries(codecNames).filter(([name]) => has(name));
  fillSelect($('codec'), [['auto', 'Automatic'], ...usable]);
}

// Capture

/// `limit` is `ideal` for cameras, which choose a format, and `max` for screens, which scale.
function pictureConstraints(limit) {
  const [width, height] = $('resolution').value.split('x').map(Number);
  const frameRate = Number($('frame-rate').value);
  return {
    ...(height && { width: { [limit]: width }, height: { [limit]: height } }),
    ...(frameRate && { frameRate: { [limit]: frameRate } }),
  };
}

function captureDevices(wanted) {
  const constrain = (kind) => {
    const [, id] = sides[kind].source.value.split(/:(.*)/s);
    const picture = kind === 'video' && pictureConstraints('ideal');
    return [kind, { ...(id && { deviceId: { exact: id } }), ...picture }];
  };
  const get = (constraints) => navigator.mediaDevices.getUserMedia(constraints);
  return get(Object.fromEntries(wanted.map(constrain))).catch((error) => {
    if (error.name !== 'OverconstrainedError') throw error;
    return get(Object.fromEntries(wanted.map((kind) => [kind, true])));
  }).catch(async (error) => {
    const found = await navigator.mediaDevices.enumerateDevices();
    const missing = wanted.filter((kind) => !found.some((each) => each.kind === `${kind}input`));
    const all = devicesOf(wanted, ' and the ');
    const none = devicesOf(missing.length ? missing : wanted, ' and no ');
    throw new Error({
      NotAllowedError: `The ${all} may not be used. Allow it in the browser, then try again.`,
      NotFoundError: `No ${none} was found. Choose another source.`,
      NotReadableError: `The ${all} cannot be opened. Another program may be using it.`,
    }[error.name] ?? `The ${all} cannot be opened: ${error.message}`);
  });
}

async function captureScreen(wanted) {
  const constraints = { video: pictureConstraints('max'), audio: wanted.includes('audio') };
  const stream = await navigator.mediaDevices.getDisplayMedia(constraints).catch((error) => {
    throw new Error({
      NotAllowedError: 'Sharing the screen was not allowed.',
      InvalidStateError: 'A screen can be shared only after a click: press Publish.',
    }[error.name] ?? `The screen cannot be shared: ${error.message}`);
  });
  // Its sound comes with its picture, asked for or not.
  stream.getTracks().forEach((track) => wanted.includes(track.kind) || track.stop());
  return stream;
}

/// Opens the chosen sources of some kinds and makes them what is seen and sent. False: the user
/// has moved on meanwhile. The screen comes first: browsers want the click to be fresh.
async function open(wanted) {
  const mine = turn;
  const got = [];
  const of = (type) => wanted.filter((kind) => sides[kind].source.value.split(':')[0] === type);
  const screen = of('screen');
  const devices = [...of('camera'), ...of('microphone')];
  try {
    if (screen.length) got.push(...(await captureScreen(screen)).getTracks());
    if (devices.length) got.push(...(await captureDevices(devices)).getTracks());
    const live = (kind) => got.find((each) => each.kind === kind && each.readyState === 'live');
    if (screen.some((kind) => !live(kind))) {
      throw new Error('The screen came without its sound. Choose other audio.');
    }
    if (mine === turn) await Promise.all(wanted.map((kind) => adopt(kind, live(kind))));
    else got.forEach((track) => track.stop());
  } catch (error) {
    got.forEach((track) => track.stop());
    if (mine === turn) throw error;
  }
  await listSources();
  return mine === turn;
}

async function adopt(kind, track = null) {
  const side = sides[kind];
  const old = side.track;
  Object.assign(side, { track, from: side.source.value });
  if (track) track.onended = () => side.track === track && sourceEnded(side);
  if (kind === 'video') $('preview').srcObject = track && new MediaStream([track]);
  await publication?.sender(kind)?.replaceTrack(track);
  old?.stop();
}

function sourceEnded({ device, from }) {
  if (from === 'screen') finish('ended', 'The screen is no longer shared.');
  else note(`The ${device} is gone. Choose another source.`);
}

// Figures

function showStats(figures = {}) {
  for (const id of ['bitrate', 'fps', 'size', 'rtt', 'loss', 'codec']) {
    $(`stat-${id}`).textContent = figures[id] || '–';
  }
}

async function watchStats(mine) {
  while (publication === mine) {
    const figures = await mine.figures().catch(() => ({}));
    if (publication === mine) showStats(figures);
    await new Promise((resolve) => setTimeout(resolve, kStatsMs));
  }
}

// What the user does

function finish(state, detail) {
  turn += 1;
  publication?.close();
  publication = null;
  window.publisher = { pc: null, socket: null };
  for (const kind of kinds) adopt(kind);
  showStats();
  show(state, detail);
}

const isOpen = ({ source, track, from }) => track?.readyState === 'live' && from === source.value;

/// Opens what is not open yet, then calls `next`.
async function ask(next) {
  turn += 1;
  show('asking');
  try {
    if (await open(kinds.filter((kind) => !isOpen(sides[kind])))) next();
  } catch (error) {
    finish('failed', error.message);
  }
}

function publish() {
  const tracks = kinds.map((kind) => sides[kind].track).filter(Boolean);
  const url = `//${location.host}${streamPath}/webrtc/publish${location.search}`;
  publication = new Publication(url, tracks, $('codec').value, (state, detail) => {
    if (state === 'live') show(state, detail);
    else finish(state, detail);
  });
  window.publisher = { pc: publication.pc, socket: publication.socket };
  show('connecting');
  watchStats(publication);
}

/// While something is captured, another choice takes effect at once.
async function changeSource(kind) {
  if (!kinds.some((each) => sides[each].track)) {
    show('idle');
    return;
  }
  try {
    if (await open([kind])) note();
  } catch (error) {
    sides[kind].source.value = sides[kind].from;
    note(error.message);
  }
}

function changePicture() {
  const { track, from } = sides.video;
  const constraints = pictureConstraints(from === 'screen' ? 'max' : 'ideal');
  track?.applyConstraints(constraints).catch((error) => note(error.message));
}

/// Sets what the fragment asks for; returns what this browser does not have of it.
function preset(options) {
  const selects = { video: sides.video.source, audio: sides.audio.source, codec: $('codec'),
                    resolution: $('resolution'), 'frame-rate': $('frame-rate') };
  return Object.keys(selects).filter((name) => {
    const value = options.get(name);
    const known = [...selects[name].options].some((option) => option.value === value);
    if (known) selects[name].value = value;
    return value !== null && !known;
  });
}

async function begin() {
  let name = streamPath.slice(1);
  try { name = decodeURIComponent(name); } catch { /* it is shown as it came */ }
  $('stream-name').textContent = name;
  document.title = `Publish to ${name}`;
  $('all-streams').search = location.search;
  finish('idle');
  if (!window.isSecureContext || !navigator.mediaDevices) {
    show('failed', 'This page is not secure, so the browser gives it no camera. Open it over '
      + 'https://, or as http://localhost on the server’s own machine.');
    $('publish').disabled = $('show-preview').hidden = true;
    return;
  }
  await listSources();
  listCodecs();
  const options = new URLSearchParams(location.hash.slice(1));
  const unknown = preset(options).map((each) => `${each}=${options.get(each)}`).join(', ');
  note(unknown && `This browser does not offer ${unknown}.`);
  const nothing = () => kinds.every((kind) => sides[kind].source.value === 'none');
  const start = () => (nothing() ? note('Choose a video or an audio source.') : ask(publish));
  $('publish').onclick = start;
  $('show-preview').onclick = () => ask(() => show('idle'));
  $('stop').onclick = () => finish(publication ? 'ended' : 'idle');
  $('resolution').onchange = $('frame-rate').onchange = changePicture;
  for (const kind of kinds) sides[kind].source.onchange = () => changeSource(kind);
  navigator.mediaDevices.ondevicechange = listSources;
  if (options.get('autostart') === '1') start();
}

begin();
