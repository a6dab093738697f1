import { lstatSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Mount, UserIds } from '../../exec/index.ts';

/** What of this machine an action sees, read-only, that names neither closure nor root file system. */
export const defaultHostPaths: readonly string[] = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/ssl',
];

/** Where names of hosts are looked up and certificates are, for actions that have the network. */
const networkFiles = ['/etc/resolv.conf', '/etc/services', '/etc/ca-certificates'];

export interface HostView {
  readonly paths: readonly string[];
  readonly network: boolean;
}

/** Mounts of these paths; what is not there is left out, what is a symlink is one again. */
export function hostMounts({ paths, network }: HostView): Mount[] {
  const mounts: Mount[] = [];
  for (const path of [...paths, ...(network ? networkFiles : [])]) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (stats.isSymbolicLink()) mounts.push({ kind: 'symlink', to: path, target: readlinkSync(path) });
    else {
      const is = stats.isDirectory() ? 'folder' : 'file';
      mounts.push({ kind: 'bind', from: path, to: path, writable: false, ...(resolve(path) === path ? { is } : {}) });
    }
  }
  return mounts;
}

/** Files of /etc that say who and where the action is; as the host's, nobody needs to see. */
export function identityFiles({ user, group }: UserIds, network: boolean): Mount[] {
  const passwd =
    'root:x:0:0:root:/:/sbin/nologin\n' +
    `firn:x:${user}:${group}:action:/tmp:/bin/sh\n` +
    'nobody:x:65534:65534:nobody:/:/sbin/nologin\n';
  const files = {
    '/etc/passwd': passwd,
    '/etc/group': `root:x:0:\nfirn:x:${group}:\nnogroup:x:65534:\n`,
    '/etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
    '/etc/nsswitch.conf': `hosts: files${network ? ' dns' : ''}\n`,
  };
  return Object.entries(files).map(([to, text]) => ({ kind: 'file', to, contents: Buffer.from(text), mode: 0o644 }));
}
