// SPDX-License-Identifier: LGPL-2.1-or-later
// Which GStreamer is tested.
import { execFileSync } from 'node:child_process';

const version = execFileSync('gst-launch-1.0', ['--version'], { encoding: 'utf8' });

/// 22 of GStreamer 1.22.0.
export const gstMinor = Number(/GStreamer 1\.(\d+)\./.exec(version)[1]);
