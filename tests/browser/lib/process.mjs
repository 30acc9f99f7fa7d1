// SPDX-License-Identifier: LGPL-2.1-or-later
// Child processes that use the built plugin: started, watched, ended by their id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';

import { until, within } from './wait.mjs';

export const sourceDirectory = fileURLToPath(new URL('../../..', import.meta.url));
export const buildDirectory =
  path.resolve(process.env.BUILD_DIR ?? path.join(sourceDirectory, 'build'));

/// The environment in which GStreamer finds the built plugins, with a registry of its own.
export function pluginEnvironment() {
  const plugins = ['ext', 'gst'].map((directory) => path.join(buildDirectory, directory));
  return {
    ...process.env,
    GST_PLUGIN_PATH: plugins.join(':'),
    GST_REGISTRY: path.join(buildDirectory, 'gst-registry.bin'),
    GST_DEBUG: process.env.GST_DEBUG ?? '2',
    GST_DEBUG_NO_COLOR: '1',
  };
}

/// A TCP port that nobody listens on just now.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export class Program {
  constructor(command, args, { cwd, stdin = 'ignore' } = {}) {
    this.commandLine = [command, ...args].join(' ');
    this.output = '';
    this.exit = null;
    this.child = spawn(command, args, {
      cwd, env: pluginEnvironment(), stdio: [stdin, 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => { this.output += text; });
    }
    this.exited = new Promise((resolve) => {
      const end = (exit) => resolve((this.exit = exit));
      this.child.once('error', (error) => end({ code: -1, reason: error.message }));
      this.child.once('close', (code, signal) => end({ code, signal }));
    });
  }

  /// Waits until the output matches, gives the match.
  untilOutput(what, pattern, seconds = 60) {
    return until(what, () => {
      const match = this.output.match(pattern);
      if (!match && this.exit) throw new Error(`${what}: the program ended${this.tail()}`);
      return match;
    }, { seconds });
  }

  /// Ctrl-C, then the end. Fails when that takes too long, or when the exit code is not 0.
  async interrupt({ seconds = 60 } = {}) {
    this.child.kill('SIGINT');
    await this.finished({ seconds });
  }

  /// The end by itself. A goodbye that comes late is a loss, and a return is waited for.
  async finished({ seconds = 60 } = {}) {
    const exit = await within(`the end of ${this.child.spawnfile}`, this.exited, seconds);
    if (exit.code !== 0) {
      throw new Error(`${this.child.spawnfile} ended with ${JSON.stringify(exit)}`);
    }
  }

  /// For the end of a test, whatever happened in it.
  async destroy() {
    if (!this.exit) this.child.kill('SIGKILL');
    await this.exited;
  }

  tail(lines = 40) {
    return `\n--- ${this.commandLine}\n${this.output.split('\n').slice(-lines).join('\n')}\n---`;
  }
}

export class Pipeline extends Program {
  constructor(description, options) {
    super('gst-launch-1.0', ['-e', '-m', ...description.trim().split(/\s+/)], options);
  }

  /// A pipeline whose server answers. `description` gets the port. `ca`: it speaks https, with a
  /// certificate of that authority, PEM.
  static async start(description, port, { ca, ...options } = {}) {
    const pipeline = new Pipeline(description, options);
    pipeline.port = port;
    pipeline.ca = ca;
    try {
      await until('the server answers', async () => {
        if (pipeline.exit) throw new Error('the pipeline ended before its server answered');
        const answered = ca ? pipeline.shakeHands() : pipeline.get('/').then(({ ok }) => ok);
        return answered.catch(() => false);
      });
    } catch (error) {
      await pipeline.destroy();
      error.message += pipeline.tail();
      throw error;
    }
    return pipeline;
  }

  get(where) {
    return fetch(`http://127.0.0.1:${this.port}${where}`, { signal: AbortSignal.timeout(15_000) });
  }

  /// A TLS handshake, with node:tls's options: what was agreed on, { protocol, certificate }. Fails
  /// where the authority `ca` does not vouch for the certificate.
  async shakeHands(options = {}) {
    const socket = connect({ host: '127.0.0.1', port: this.port, ca: this.ca, ...options });
    try {
      await once(socket, 'secureConnect', { signal: AbortSignal.timeout(15_000) });
      return { protocol: socket.getProtocol(), certificate: socket.getPeerCertificate() };
    } finally {
      socket.destroy();
    }
  }

  /// What an error message on the bus said, or nothing.
  errors() {
    return this.output.match(/^(ERROR: from element .*|Got message.*\(error\).*)$/gm) ?? [];
  }
}
