// SPDX-License-Identifier: LGPL-2.1-or-later
// To be imported by what measures the network, and not how busy the machine is with something else:
// the programs that it starts run before all others, where that is allowed. Browsers too, which a
// mere nice(2) value would not move: they have values of their own.
import { spawnSync } from 'node:child_process';

if (spawnSync('chrt', ['--rr', '--pid', '1', String(process.pid)]).status !== 0) {
  console.log('# the machine\'s other load will be seen in the figures');
}
