// SPDX-License-Identifier: LGPL-2.1-or-later
// The publish page: captures picture and sound and sends them to the stream that the URL names.
// The URL's query string (a token, for instance) goes along to the server; door=whip in it chooses
// that door. window.publisher is { pc, socket }: the current RTCPeerConnection and WebSocket, or
// nulls.

import { Publication } from './publication.js';

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
const media = navigator.mediaDevices; // undefined on a page that is not secure
const sides = { // `track` is what is seen and sent, `from` the option that it was opened for
  video: { source: $('video-source'), device: 'camera' },
  audio: { source: $('audio-source'), device: 'microphone' },
};
const kinds = Object.keys(sides);
const isCapturing = () => kinds.some((kind) => sides[kind].track);

// The path stays encoded as the browser has it.
const streamPath = location.pathname.replace(/\/publish\/?$/, '');

let publication = null;
let turn = 0; // counts what the user began: a capture that returns in a later turn is dropped

// The page

function show(state, detail) {
  const busy = ['asking', 'connecting', 'live'].includes(state);
  const focused = document.activeElement;
  const [headline, usual] = states[state];
  $('status').dataset.state = state;
  $('status').querySelector('strong').textContent = headline;
  $('status').querySelector('span').textContent = detail || usual;
  $('publish').disabled = busy;
  $('stop').disabled = !busy && !isCapturing();
  if (focused === $('publish') && busy) $('stop').focus();
  if (focused === $('stop') && $('stop').disabled) $('publish').focus();
  $('resolution').disabled = $('frame-rate').disabled = state === 'asking';
  $('codec').disabled = $('door').disabled = busy;
  for (const kind of kinds) {
    // A kind that is not in the offer cannot join later: the page offers once.
    const absent = publication && !publication.sender(kind);
    sides[kind].source.disabled = state === 'asking' || Boolean(absent);
  }
  $('placeholder').hidden = Boolean(sides.video.track);
  $('show-preview').hidden = busy || sides.video.source.value === 'none';
}

const note = (detail) => show($('status').dataset.state, detail);

function removeUnusableOptions() {
  const { codecs } = RTCRtpSender.getCapabilities('video');
  const types = codecs.map(({ mimeType }) => mimeType.toLowerCase());
  for (const option of [...$('codec').options].slice(1)) {
    if (!types.includes(`video/${option.value}`)) option.remove();
  }
  const removeScreen = ({ source }) => source.querySelector('[value=screen]').remove();
  if (!media.getDisplayMedia) removeScreen(sides.video);
  // The browsers that capture a screen's sound are those that know how to silence it.
  if (!media.getSupportedConstraints().suppressLocalAudioPlayback) removeScreen(sides.audio);
}

/// Each camera and microphone becomes an option. Browsers tell their names only once the user has
/// allowed a capture.
async function listDevices() {
  for (const { kind, label, deviceId } of await media.enumerateDevices()) {
    const side = sides[kind.replace('input', '')];
    const value = `${side?.device}:${deviceId}`;
    const listed = side && [...side.source.options].some((option) => option.value === value);
    if (!side || !label || listed) continue;
    const behind = side.source.querySelector('[value=screen], [value=none]');
    side.source.add(new Option(label, value), behind);
  }
}

// Capture

/// `limit` is `ideal` for cameras, which choose a format, and `max` for screens, which scale.
function pictureConstraints(limit) {
  const bound = (value) => ({ [limit]: Number(value) || undefined });
  const [width, height] = $('resolution').value.split('x');
  return { width: bound(width), height: bound(height), frameRate: bound($('frame-rate').value) };
}

const faults = {
  NotAllowedError: 'may not be used. Allow it in the browser, then try again.',
  NotFoundError: 'was not found. Choose another source.',
  NotReadableError: 'cannot be opened. Another program may be using it.',
  OverconstrainedError: 'is gone. Choose another source.',
  InvalidStateError: 'can be shared only after a click: press Publish.',
};

async function tracksOf(what, capture) {
  try {
    return (await capture).getTracks();
  } catch ({ name, message }) {
    throw new Error(`The ${what} ${faults[name] ?? `cannot be opened: ${message}`}`);
  }
}

function captureScreen(wanted) {
  const constraints = { video: pictureConstraints('max'), audio: wanted.includes('audio') };
  return tracksOf('screen', media.getDisplayMedia(constraints));
}

function captureDevices(wanted) {
  const constraints = {};
  for (const kind of wanted) {
    const [, id] = sides[kind].source.value.split(/:(.*)/s);
    constraints[kind] = { ...(kind === 'video' && pictureConstraints('ideal')) };
    if (id) constraints[kind].deviceId = { exact: id };
  }
  const what = wanted.map((kind) => sides[kind].device).join(' or the ');
  return tracksOf(what, media.getUserMedia(constraints));
}

/// Opens the chosen sources of some kinds and makes them what is seen and sent. False: the user
/// has moved on meanwhile. The screen comes first: browsers want the click to be fresh.
async function open(wanted) {
  const choices = () => [turn, ...wanted.map((kind) => sides[kind].source.value)].join();
  const mine = choices();
  const of = (type) => wanted.filter((kind) => type.test(sides[kind].source.value));
  const [screen, devices] = [of(/^screen/), of(/^(camera|microphone)/)];
  const got = [];
  try {
    if (screen.length) got.push(...await captureScreen(screen));
    if (devices.length) got.push(...await captureDevices(devices));
    const live = (kind) => got.find((each) => each.kind === kind && each.readyState === 'live');
    if (!screen.every(live)) throw new Error('The screen came without its sound or its picture.');
    if (mine === choices()) await Promise.all(wanted.map((kind) => adopt(kind, live(kind))));
  } catch (error) {
    if (mine === choices()) throw error;
  } finally {
    // A screen's picture comes also when only its sound was wanted.
    got.filter((each) => !kinds.some((kind) => sides[kind].track === each))
      .forEach((each) => each.stop());
  }
  listDevices();
  return mine === choices();
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

// What the user does

function finish(state, detail) {
  turn += 1;
  publication?.close();
  publication = null;
  window.publisher = { pc: null, socket: null };
  for (const kind of kinds) adopt(kind);
  show(state, detail);
  showFigures();
}

async function showFigures() {
  const mine = publication;
  const figures = await mine?.figures().catch(() => null);
  if (mine !== publication) return;
  for (const id of ['bitrate', 'fps', 'size', 'rtt', 'loss', 'codec']) {
    $(`stat-${id}`).textContent = figures?.[id] || '–';
  }
}

/// Opens what is not open yet, then calls `next`.
async function ask(next) {
  const isOpen = ({ source, track, from }) =>
    track?.readyState === 'live' && from === source.value;
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
  const stream = `//${location.host}${streamPath}`;
  const choices = [$('door').value, stream, tracks, $('codec').value];
  publication = new Publication(...choices, (state, detail) =>
    (state === 'live' ? show : finish)(state, detail));
  window.publisher = { pc: publication.pc, socket: publication.door.socket ?? null };
  show('connecting');
}

function start() {
  if (kinds.some((kind) => sides[kind].source.value !== 'none')) ask(publish);
  else note('Choose a video or an audio source.');
}

/// While something is captured, another choice takes effect at once.
async function changeSource(kind) {
  try {
    if (!isCapturing()) show('idle');
    else if (await open([kind])) note();
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

function begin() {
  const name = decodeURIComponent(streamPath.slice(1));
  $('stream-name').textContent = name;
  document.title = `Publish to ${name}`;
  $('all-streams').search = location.search;
  if (!window.isSecureContext || !media) {
    show('failed', 'This page is not secure, so the browser gives it no camera. Open it over '
      + 'https://, or as http://localhost on the server’s own machine.');
    $('publish').disabled = $('show-preview').hidden = true;
    return;
  }
  removeUnusableOptions();
  if (new URLSearchParams(location.search).get('door') === 'whip') $('door').value = 'whip';
  $('publish').onclick = start;
  $('show-preview').onclick = () => ask(() => show('idle'));
  $('stop').onclick = () => finish(publication ? 'ended' : 'idle');
  $('resolution').onchange = $('frame-rate').onchange = changePicture;
  for (const kind of kinds) sides[kind].source.onchange = () => changeSource(kind);
  media.ondevicechange = listDevices;
  // No goodbye, but a loss that the server hears of at once.
  onpagehide = () => publication?.pc.close();
  setInterval(showFigures, 1000);
  finish('idle');
  listDevices();
}

begin();
