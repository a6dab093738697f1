import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { SyscallError, makeSocketPair, receiveDescriptor, setNonBlocking } from '../../base/index.ts';
import { FuseError } from '../error.ts';
import type { MountPlace, OpenMount } from './open-mount.ts';

/** The set-user-id program by which users may mount: fuse3's, then fuse2's. */
const helpers = ['fusermount3', 'fusermount'];

/** By which descriptor the helper sends us the open device; ours, as it sees them. */
const helperSocket = 3;

/** Has fusermount3 mount, which sends us the open /dev/fuse. Throws `fuse/not-permitted` with what it says. */
export function mountByHelper({ mountPoint, allowOther }: MountPlace): OpenMount {
  const [ours, its] = makeSocketPair();
  try {
    const options = ['ro', 'nosuid', 'nodev', 'noatime', 'fsname=firn', 'subtype=firn', 'default_permissions'];
    if (allowOther) options.push('allow_other');
    const stderr = runHelper(['-o', options.join(','), '--', mountPoint], its);
    if (stderr !== undefined) throw refused(mountPoint, stderr);
    const device = receiveDescriptor(ours);
    if (device === undefined) throw refused(mountPoint, 'fusermount3 gave no open /dev/fuse');
    setNonBlocking(device);
    return { device, unmount: unmounting => unmountByHelper(mountPoint, unmounting) };
  } finally {
    closeSync(ours);
    closeSync(its);
  }
}

export function unmountByHelper(mountPoint: string, { lazily = false }: { readonly lazily?: boolean } = {}): void {
  const stderr = runHelper(['-u', ...(lazily ? ['-z'] : []), '--', mountPoint]);
  if (stderr === undefined) return;
  const errno = /busy/.test(stderr) ? 'EBUSY' : 'EINVAL';
  throw new SyscallError('syscall/failed', `cannot unmount '${mountPoint}': ${stderr}`, { errno });
}

/** Returns what went wrong. It does nothing that waits for us: the device answers once it is mounted. */
function runHelper(args: readonly string[], socket?: number): string | undefined {
  for (const helper of helpers) {
    const { error, status, stderr } = spawnSync(helper, args, {
      stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])],
      env: { ...process.env, LC_ALL: 'C', ...(socket === undefined ? {} : { _FUSE_COMMFD: String(helperSocket) }) },
    });
    if (error !== undefined && 'code' in error && error.code === 'ENOENT') continue;
    if (error !== undefined) return error.message;
    return status === 0 ? undefined : stderr.toString().trim() || `${helper} failed`;
  }
  return 'fusermount3 is not installed (Debian has it in fuse3)';
}

function refused(mountPoint: string, reason: string): FuseError {
  return new FuseError('fuse/not-permitted', `may not mount at '${mountPoint}': ${reason}`);
}
