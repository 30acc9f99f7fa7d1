// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium and Firefox, headless, with a camera and a microphone that are not there.
import { readdir, readFile } from 'node:fs/promises';

import puppeteer from 'puppeteer-core';

const executables = {
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
};

/// `cameraFile`: an MJPEG or Y4M file that Chromium plays in a loop as its camera. `secureOrigin`:
/// an http origin that gets the camera as https ones do.
function chromiumOptions({ cameraFile, secureOrigin }) {
  const args = [
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream=fps=30',
    '--auto-accept-this-tab-capture',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-dev-shm-usage',
    '--mute-audio',
  ];
  if (cameraFile) args.push(`--use-file-for-fake-video-capture=${cameraFile}`);
  if (secureOrigin) args.push(`--unsafely-treat-insecure-origin-as-secure=${secureOrigin}`);
  // Chromium has no sandbox for root.
  if (process.getuid() === 0) args.push('--no-sandbox');
  return { args };
}

function firefoxOptions({ secureOrigin }) {
  return {
    extraPrefsFirefox: {
      'media.devices.insecure.enabled': Boolean(secureOrigin),
      'media.getusermedia.insecure.enabled': Boolean(secureOrigin),
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.getusermedia.browser.enabled': true,
      'media.gmp-manager.updateEnabled': false,
    },
  };
}

// What puppeteer asks of Chromium so that hidden tabs are served as the one in front.
const hiddenTabsAwake = [
  '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/// 'chromium' or 'firefox'. The caller closes it. `throttled`: a hidden tab is treated as a user's.
/// `acceptInsecureCerts`: as a user who goes on at the warning about a certificate.
export function launchBrowser(kind, options = {}) {
  return puppeteer.launch({
    browser: kind === 'firefox' ? 'firefox' : 'chrome',
    executablePath: executables[kind],
    headless: true,
    timeout: 90_000,
    acceptInsecureCerts: options.acceptInsecureCerts,
    ignoreDefaultArgs: options.throttled ? hiddenTabsAwake : [],
    ...(kind === 'firefox' ? firefoxOptions(options) : chromiumOptions(options)),
  });
}

/// The ids of a process and of all its descendants.
async function processTree(root) {
  const children = new Map();
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) && await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (!stat) continue;
    // The name, in parentheses, may hold anything; behind it come the state and the parent's id.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    children.set(parent, [...children.get(parent) ?? [], name]);
  }
  const tree = [String(root)];
  for (const id of tree) tree.push(...children.get(id) ?? []);
  return tree.map(Number);
}

/// As a crash of the whole browser: none of its processes can say anything more, as one would whose
/// parent it sees end. So all are stopped first.
export async function killBrowser(browser) {
  const ids = await processTree(browser.process().pid);
  for (const signal of ['SIGSTOP', 'SIGKILL']) {
    for (const id of ids) {
      try {
        process.kill(id, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
  }
}
