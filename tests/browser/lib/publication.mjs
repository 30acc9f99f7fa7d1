// SPDX-License-Identifier: LGPL-2.1-or-later
// One tab that publishes with the client of client.js, seen from the test.
import { readFile } from 'node:fs/promises';

import { until } from './wait.mjs';

const clientSource = await readFile(new URL('client.js', import.meta.url), 'utf8');
// Opus packets hold 20 ms in both browsers.
const audioPacketsPerSecond = 50;

export class Publication {
  constructor(page, number) {
    this.page = page;
    this.number = number;
  }

  /// `page` shows something of the server; options as in client.js. A page may have several.
  static async start(page, stream, options) {
    await page.evaluate(clientSource);
    const number = await page.evaluate(async (name, opts) => {
      const client = await globalThis.PublishTest.start(name, opts);
      globalThis.clients ??= [];
      return globalThis.clients.push(client) - 1;
    }, stream, options);
    return new Publication(page, number);
  }

  /// `pc`, a handle: the connection that somebody else's client has made in the page.
  static async watch(page, pc) {
    await page.evaluate(clientSource);
    const number = await page.evaluate((connection) => {
      globalThis.clients ??= [];
      return globalThis.clients.push(globalThis.PublishTest.watch(connection)) - 1;
    }, pc);
    return new Publication(page, number);
  }

  report() {
    return this.call('report');
  }

  call(method, ...args) {
    return this.page.evaluate((number, name, list) => globalThis.clients[number][name](...list),
      this.number, method, args);
  }

  /// Polls report() until `test` of it is true; fails at once when the server closed the socket.
  async until(what, test, { seconds = 40 } = {}) {
    let last;
    return until(what, async () => {
      last = await this.report();
      if (test(last)) return last;
      if (last.closed) throw new Error(`${what}: the socket was closed: ${JSON.stringify(last)}`);
      return null;
    }, { seconds, detail: () => last });
  }

  untilConnected() {
    return this.until('the browser is connected', (report) => report.atConnection);
  }

  untilMediaSent(seconds) {
    return this.until(`${seconds} s of media were sent`,
      ({ audio, video }) =>
        (audio?.packets ?? 0) >= seconds * audioPacketsPerSecond && (video?.frames ?? 0) > 0,
      { seconds: 3 * seconds + 40 });
  }

  /// `count` more frames of the video, or packets of the audio, than now.
  async untilMore(kind, count) {
    const unit = kind === 'video' ? 'frames' : 'packets';
    const before = (await this.report())[kind]?.[unit] ?? 0;
    return this.until(`${count} more ${unit} of ${kind} were sent`,
      (report) => (report[kind]?.[unit] ?? 0) >= before + count, { seconds: count / 5 + 40 });
  }

  /// report(), and then some more frames: the server has what the report counts when this is over.
  async reportAndMore() {
    const report = await this.report();
    await this.untilMore(report.video ? 'video' : 'audio', 60);
    return report;
  }

  /// What the server closed the socket with.
  async untilRefused(seconds = 40) {
    let last;
    await until('the server closes the socket', async () => {
      last = await this.report();
      return last.closed;
    }, { seconds, detail: () => last });
    return last.closed;
  }

  /// The page says goodbye.
  stop(code = 1000) {
    return this.call('stop', code);
  }
}
