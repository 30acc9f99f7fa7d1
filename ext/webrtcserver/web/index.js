// SPDX-License-Identifier: LGPL-2.1-or-later
// The start page: the streams that are reserved or live, what comes of them, and a form that opens
// a new one.

const kRefreshMs = 1000;
const kMaxNameBytes = 128;

const status = document.getElementById('status');
const table = document.getElementById('streams');
const form = document.getElementById('open');
const input = document.getElementById('name');
const error = document.getElementById('name-error');

// The query string may hold a token: it goes along to every page.
const query = location.search;

function percent(part, whole) {
  return whole > 0 ? `${(100 * part / whole).toFixed(1)} %` : '';
}

function bitRate(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

function duration(seconds) {
  const two = (value) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function describe({ codec, width, height, frameRate }) {
  const size = width ? ` ${width}×${height}` : '';
  const rate = frameRate === undefined ? '' : `, ${Math.round(frameRate)}/s`;
  return codec.toUpperCase() + size + rate;
}

/// What stands behind a stream's name; nothing while nobody publishes it.
function figures({ tracks, uptime, door }) {
  if (!tracks) return ['', '', '', '', '', ''];
  const of = (kind) => tracks.filter((track) => track.kind === kind).map(describe).join('; ');
  const sum = (field) => tracks.reduce((total, track) => total + track[field], 0);
  return [of('video'), of('audio'), bitRate(sum('bitrate')),
    percent(sum('lost'), sum('lost') + sum('packets')), duration(uptime),
    door === 'whip' ? 'WHIP' : 'WebSocket'];
}

class Row {
  constructor({ name, publish }) {
    const text = document.createElement('span');
    text.className = 'name';
    text.textContent = name;
    this.badge = document.createElement('span');
    this.badge.className = 'badge';
    const link = document.createElement('a');
    link.href = publish + query;
    link.append(text, this.badge);
    this.element = document.createElement('tr');
    this.element.insertCell().append(link);
    this.cells = Array.from({ length: 6 }, () => this.element.insertCell());
  }

  update(stream) {
    this.badge.dataset.state = stream.state;
    this.badge.textContent = stream.state === 'live' ? 'Live' : 'Waiting';
    figures(stream).forEach((text, index) => { this.cells[index].textContent = text; });
  }
}

function notice(text) {
  status.hidden = text === '';
  if (status.textContent !== text) status.textContent = text;
}

/// By the streams' names. Rows stay where they are, and with them the keyboard's focus.
const rows = new Map();

function render({ streams, any }) {
  const empty = any ? 'No stream is live yet. Name one to begin.' : 'This server has no streams.';
  notice(streams.length === 0 ? empty : '');
  table.parentElement.hidden = streams.length === 0;
  form.hidden = !any;
  const names = new Set(streams.map(({ name }) => name));
  for (const [name, row] of rows) {
    if (names.has(name)) continue;
    row.element.remove();
    rows.delete(name);
  }
  streams.forEach((stream, index) => {
    if (!rows.has(stream.name)) {
      const row = new Row(stream);
      rows.set(stream.name, row);
      table.tBodies[0].insertBefore(row.element, table.tBodies[0].rows[index] ?? null);
    }
    rows.get(stream.name).update(stream);
  });
}

async function refresh() {
  try {
    const response = await fetch(`/streams.json${query}`, { cache: 'no-store' });
    const text = await response.text();
    if (!response.ok) {
      notice(`The server did not list its streams: ${text.trim() || response.status}`);
    } else {
      render(JSON.parse(text));
    }
  } catch {
    notice('The server does not answer.');
  }
  setTimeout(refresh, kRefreshMs);
}

function faultOf(name) {
  if (name === '') return 'Type a name first.';
  const segments = name.split('/');
  if (segments.includes('')) return 'Between two slashes there must be a name.';
  if (segments.some((each) => /^\.\.?$/.test(each))) return '“.” and “..” are not names.';
  if (/[\\\p{Cc}]/u.test(name)) return 'A name has no backslash and no control character.';
  const bytes = new TextEncoder().encode(name).length;
  return bytes > kMaxNameBytes ? `A name has at most ${kMaxNameBytes} bytes.` : '';
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const name = input.value.trim().replace(/^\/+|\/+$/g, '');
  error.textContent = faultOf(name);
  input.setAttribute('aria-invalid', String(error.textContent !== ''));
  if (error.textContent !== '') {
    input.focus();
    return;
  }
  location.assign(`/${name.split('/').map(encodeURIComponent).join('/')}/publish${query}`);
});

refresh();
