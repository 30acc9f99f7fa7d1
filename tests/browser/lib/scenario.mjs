// SPDX-License-Identifier: LGPL-2.1-or-later
// One browser test: what it started ends with it, and its failure shows what the pipeline said.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { freePort, Pipeline, Program } from './process.mjs';
import { Publication } from './publication.mjs';
import { within } from './wait.mjs';

const browsers = new Map();

/// A browser of that kind, launched once for all tests of the file.
function browserOf(kind, options = {}) {
  const key = JSON.stringify([kind, options]);
  if (!browsers.has(key)) browsers.set(key, launchBrowser(kind, options));
  return browsers.get(key);
}

after(async () => {
  for (const launched of browsers.values()) {
    await launched.then((browser) => browser.close(), () => {});
  }
  // What a test that failed has left running must not keep the others waiting.
  setTimeout(() => process.exit(), 20_000).unref();
});

/// What ends when a test is over; for programs that are no tests: start(), finish().
export class Scenario {
  #ends = [];
  programs = [];

  async start() {
    this.directory = await mkdtemp(path.join(tmpdir(), 'webrtc-test-'));
    this.atEnd(() => rm(this.directory, { recursive: true, force: true }));
  }

  /// `end` runs when the test is over, the last one first.
  atEnd(end) {
    this.#ends.unshift(end);
  }

  /// A part of the test, which ends with finish() or with the test.
  async part() {
    const part = new Scenario();
    this.atEnd(() => part.finish());
    await part.start();
    part.programs = this.programs;
    return part;
  }

  file(name) {
    return path.join(this.directory, name);
  }

  /// gst-launch-1.0 -e with this pipeline, ready to be published to. PORT in the description is
  /// replaced by a free one; files are in the test's directory. Options as Pipeline.start() has.
  async pipeline(description, options) {
    const port = await freePort();
    const pipeline = await Pipeline.start(description.replaceAll('PORT', port), port, {
      cwd: this.directory, ...options,
    });
    return this.adopt(pipeline);
  }

  program(command, args) {
    return this.adopt(new Program(command, args, { cwd: this.directory }));
  }

  /// A Program that ends with the test, and whose output its failure shows.
  adopt(program) {
    this.programs.push(program);
    this.atEnd(() => program.destroy());
    return program;
  }

  async page(kind, url, options) {
    const browser = await browserOf(kind, options);
    const page = await browser.newPage();
    page.setDefaultTimeout(90_000);
    this.atEnd(() => page.close());
    await page.goto(url);
    return page;
  }

  /// The test's own client, publishing `stream` from that browser.
  async publish(kind, port, stream, { browser, scheme = 'http', ...options } = {}) {
    const url = `${scheme}://127.0.0.1:${port}/${stream}/publish`;
    const page = await this.page(kind, url, browser);
    return Publication.start(page, stream, options);
  }

  /// Also after a time-out, when the body still waits for something.
  async finish() {
    for (const end of this.#ends.splice(0)) {
      await end().catch((error) => console.error(`clean-up: ${error.message}`));
    }
  }
}

/// Declares a test named `<subject>_<condition>_<outcome>`. `skip`: why it cannot run here.
export function scenario(name, body, { seconds = 180, skip } = {}) {
  test(name, { timeout: 1000 * (seconds + 30), skip: skip ?? false }, async (t) => {
    const s = new Scenario();
    t.after(() => s.finish());
    await s.start();
    try {
      await within('the end of the test', body(s), seconds);
    } catch (error) {
      error.message += s.programs.map((program) => program.tail()).join('');
      throw error;
    }
  });
}
