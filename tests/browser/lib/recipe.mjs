// SPDX-License-Identifier: LGPL-2.1-or-later
// The pipelines and programs of docs/recipes/, as the pages show them.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { sourceDirectory } from './process.mjs';

/// The text of the first block in that language under that heading of docs/recipes/PAGE.md.
/// `changes` ({ shown: inTheTest }) are made to it, each of them at least once.
export async function recipeBlock(page, heading, language, changes = {}) {
  const file = path.join(sourceDirectory, 'docs/recipes', `${page}.md`);
  const sections = (await readFile(file, 'utf8')).split(/^#+ (?=.*$)/m);
  const section = sections.find((text) => text.startsWith(`${heading}\n`));
  if (!section) throw new Error(`${file} has no heading "${heading}"`);
  const block = section.match(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms'));
  if (!block) throw new Error(`"${heading}" of ${file} has no ${language} block`);
  let text = block[1];
  for (const [shown, changed] of Object.entries(changes)) {
    if (!text.includes(shown)) throw new Error(`"${heading}" of ${file} does not show ${shown}`);
    text = text.replaceAll(shown, changed);
  }
  return text;
}

/// The gst-launch-1.0 line of a recipe, for Scenario.pipeline(): its port is free. Where the page
/// says nothing about it, a publisher may take 20 s to return.
export async function recipe(page, heading, changes = {}) {
  const text = await recipeBlock(page, heading, 'sh',
    { 'port=8080': 'port=PORT reconnect-timeout=20000', ...changes });
  const line = text.replaceAll('\\\n', ' ').split('\n')
    .find((one) => one.startsWith('gst-launch-1.0'));
  return line.replace(/^gst-launch-1\.0( -[em]+)*/, '').trim();
}
