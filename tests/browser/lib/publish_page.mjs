// SPDX-License-Identifier: LGPL-2.1-or-later
// The product's publish page, as its user sees and presses it.
import { until } from './wait.mjs';

/// The page's { state, text }, once it is in that state.
export function untilState(page, wanted) {
  const status = () => page.$eval('#status', ({ dataset, innerText }) =>
    ({ state: dataset.state, text: innerText }));
  return until(`the page is ${wanted}`, async () => {
    const now = await status();
    return now.state === wanted && now;
  }, { detail: status });
}

export async function pressPublish(page) {
  await until('the page is ready', () => page.$eval('#publish', ({ disabled }) => !disabled));
  await page.click('#publish');
}

/// After pressPublish(). The browser has sent so many frames when this is over.
export function untilFramesSent(page, count) {
  return until(`${count} frames were sent`, () => page.evaluate(async (wanted) => {
    const report = await globalThis.publisher.pc?.getStats() ?? [];
    return [...report.values()].some(({ framesSent }) => framesSent >= wanted);
  }, count), { seconds: 60 });
}
