// SPDX-License-Identifier: LGPL-2.1-or-later
// To be imported first: runs the program again in network, mount and process namespaces of its own,
// where it is root and alone. All that it makes there ends with it, however it ends, and no name
// that it chooses meets another program's.
import { spawnSync } from 'node:child_process';

const mark = 'GWS_PRIVATE_NETWORK';
const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
if (process.getuid() !== 0) namespaces.unshift('--user', '--map-root-user');

// A user's PATH may lack where ip(8), tc(8) and nft(8) are.
process.env.PATH += ':/usr/sbin:/sbin';

function attempt(command, options) {
  return spawnSync('unshare', [...namespaces, ...command],
    { env: { ...process.env, [mark]: '1' }, encoding: 'utf8', ...options });
}

function reason() {
  const setUp = 'ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/netns';
  if (process.env[mark]) {
    spawnSync('sh', ['-c', setUp], { stdio: 'inherit' });
    return null;
  }
  const probe = attempt(['sh', '-c', `${setUp} && ip netns add probe`]);
  if (probe.status === 0) return null;
  return `no network namespaces here: ${probe.error?.message ?? probe.stderr.trim()}`;
}

/// Null, or why there is no private network: the reason for a skipped test.
export const whyNot = reason();

if (!whyNot && !process.env[mark]) {
  const { status, signal } = attempt(
    [process.execPath, ...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  if (signal) process.kill(process.pid, signal);
  process.exit(status);
}
