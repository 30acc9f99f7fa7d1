// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium and Firefox, headless, with a camera and a microphone that are not there.
import puppeteer from 'puppeteer-core';

const executables = {
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
};

/// `cameraFile`: an MJPEG or Y4M file that Chromium plays in a loop as its camera.
function chromiumOptions({ cameraFile }) {
  const args = [
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream=fps=30',
    '--auto-accept-this-tab-capture',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-dev-shm-usage',
    '--mute-audio',
  ];
  if (cameraFile) args.push(`--use-file-for-fake-video-capture=${cameraFile}`);
  // Chromium has no sandbox for root.
  if (process.getuid() === 0) args.push('--no-sandbox');
  return { args };
}

function firefoxOptions() {
  return {
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.gmp-manager.updateEnabled': false,
    },
  };
}

/// 'chromium' or 'firefox'. The caller closes it.
export function launchBrowser(kind, options = {}) {
  return puppeteer.launch({
    browser: kind === 'firefox' ? 'firefox' : 'chrome',
    executablePath: executables[kind],
    headless: true,
    ...(kind === 'firefox' ? firefoxOptions() : chromiumOptions(options)),
  });
}
