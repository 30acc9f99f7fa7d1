// SPDX-License-Identifier: LGPL-2.1-or-later
// The start page: the streams that are reserved or live, and a form that opens a new one.

const kRefreshMs = 2000;
const kMaxNameBytes = 128;

const status = document.getElementById('status');
const list = document.getElementById('streams');
const form = document.getElementById('open');
const input = document.getElementById('name');
const error = document.getElementById('name-error');

// The query string may hold a token: it goes along to every page.
const query = location.search;

function entry(stream) {
  const link = document.createElement('a');
  link.href = stream.publish + query;
  const name = document.createElement('span');
  name.className = 'name';
  name.textContent = stream.name;
  const badge = document.createElement('span');
  badge.className = 'badge';
  badge.dataset.state = stream.state;
  badge.textContent = stream.state === 'live' ? 'Live' : 'Waiting';
  link.append(name, badge);
  const item = document.createElement('li');
  item.append(link);
  return item;
}

function notice(text) {
  status.hidden = text === '';
  if (status.textContent !== text) status.textContent = text;
}

function render({ streams, any }) {
  const empty = any ? 'No stream is live yet. Name one to begin.' : 'This server has no streams.';
  notice(streams.length === 0 ? empty : '');
  list.hidden = streams.length === 0;
  list.replaceChildren(...streams.map(entry));
  form.hidden = !any;
}

let shown = '';

async function refresh() {
  try {
    const response = await fetch(`/streams.json${query}`, { cache: 'no-store' });
    const text = await response.text();
    if (!response.ok) {
      notice(`The server did not list its streams: ${text.trim() || response.status}`);
    } else if (text !== shown || !status.hidden) {
      // The list is rebuilt only when it changed, so that the keyboard's focus stays where it is.
      render(JSON.parse(text));
      shown = text;
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
