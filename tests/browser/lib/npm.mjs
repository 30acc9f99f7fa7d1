// SPDX-License-Identifier: LGPL-2.1-or-later
// npm packages for pages: their modules as they are, CommonJS made into one.
import { readFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';

import { serve } from './service.mjs';

const { resolve: fileOf } = createRequire(import.meta.url);

/// The file and all that it requires go into `files`: by name { needs, text }.
async function collect(file, files) {
  if (file in files) return;
  const text = await readFile(file, 'utf8');
  const { resolve } = createRequire(file);
  const needs = {};
  files[file] = { needs, text };
  for (const [, name] of text.matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
    // With a slash behind it, it is the package of that name.
    needs[name] = resolve(isBuiltin(name) ? `${name}/` : name);
    await collect(needs[name], files);
  }
}

/// A CommonJS package as a module; what it exports is the module's default export.
async function asModule(name) {
  const main = fileOf(name);
  const files = {};
  await collect(main, files);
  const functions = Object.entries(files).map(([file, { needs, text }]) => {
    const [key, names] = [file, needs].map((each) => JSON.stringify(each));
    return `${key}: [${names}, (module, exports, require) => {${text}\n}]`;
  });
  return `const files = {${functions.join(',\n')}};
    const modules = {};
    function load(file) {
      if (modules[file]) return modules[file].exports;
      const [needs, run] = files[file];
      const module = modules[file] = { exports: {} };
      run(module, module.exports, (name) => load(needs[name]));
      return module.exports;
    }
    export default load(${JSON.stringify(main)});`;
}

/// An origin of the test's own with an empty page. /file/NAME is a package's file as it is,
/// /package/NAME a CommonJS package as a module.
export function servePackages(s) {
  return serve(s, async ({ url }, response) => {
    const [, kind, name] = url.match(/^\/(file|package)\/(.+)$/) ?? [];
    const script = kind && await (kind === 'file' ? readFile(fileOf(name)) : asModule(name));
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
    response.end(script || '<!doctype html>');
  });
}
