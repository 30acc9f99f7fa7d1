// SPDX-License-Identifier: LGPL-2.1-or-later
// Waiting for conditions, with a deadline and a sentence for when it passes.
import { setTimeout as pause } from 'node:timers/promises';

/// Polls `condition` (may be async) until it gives something true, which is returned. Fails after
/// `seconds` with `what` and, if given, what `detail()` says.
export async function until(what, condition, { seconds = 60, every = 100, detail } = {}) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) {
      const more = detail ? `: ${JSON.stringify(await detail())}` : '';
      throw new Error(`${what}: not within ${seconds} s${more}`);
    }
    await pause(every);
  }
}

/// `promise`, or a failure after `seconds` that says `what` did not happen.
export async function within(what, promise, seconds) {
  const control = new AbortController();
  const expiry = pause(seconds * 1000, null, { signal: control.signal }).then(
    () => { throw new Error(`${what}: not within ${seconds} s`); },
    () => {});
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    control.abort();
  }
}
