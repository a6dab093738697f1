import { closeSync, constants, openSync, statSync } from 'node:fs';
import { SyscallError, errnoOf, mountReadOnly, systemErrorText, unmount } from '../../base/index.ts';
import { FuseError } from '../error.ts';
import { removeStaleMount } from './mount-table.ts';
import { mountByHelper } from './mount-helper.ts';

/** A mounted file system that nobody serves yet. */
export interface OpenMount {
  /** /dev/fuse, open without blocking; closed by its owner. */
  readonly device: number;
  /** Takes it away. Throws `EBUSY` where it is in use, unless `lazily`. */
  readonly unmount: (options?: { readonly lazily?: boolean }) => void;
}

export interface MountPlace {
  /** Absolute; an empty folder best. */
  readonly mountPoint: string;
  /** Whether other users see it, too; takes root, or `user_allow_other` in /etc/fuse.conf. */
  readonly allowOther: boolean;
}

/**
 * Mounts a file system at a folder, by ourselves where we may (as root, of a user namespace, too), else by fusermount3.
 * What a process that was killed left there is taken away first. Throws `fuse/…` errors that name the place.
 */
export function openMount(place: MountPlace): OpenMount {
  const { mountPoint } = place;
  removeStaleMount(mountPoint);
  checkMountPoint(mountPoint);
  const device = openDevice();
  if (device === undefined) return mountByHelper(place);
  try {
    mountReadOnly({
      source: 'firn',
      target: mountPoint,
      // What comes after the dot is shown only.
      type: 'fuse.firn',
      data: [
        `fd=${device}`,
        'rootmode=40000',
        `user_id=${process.geteuid?.() ?? 0}`,
        `group_id=${process.getegid?.() ?? 0}`,
        'default_permissions',
        ...(place.allowOther ? ['allow_other'] : []),
      ].join(','),
    });
  } catch (error) {
    closeSync(device);
    if (error instanceof SyscallError && error.errno === 'EPERM') return mountByHelper(place);
    throw mountFailed(mountPoint, systemErrorText(error), { cause: error });
  }
  return { device, unmount: options => unmount(mountPoint, options) };
}

/** Undefined where we may not open it; the helper may. */
function openDevice(): number | undefined {
  try {
    return openSync('/dev/fuse', constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (['EACCES', 'EPERM'].includes(errno)) return undefined;
    if (!['ENOENT', 'ENODEV', 'ENXIO'].includes(errno)) throw error;
    throw new FuseError('fuse/unsupported', 'this system has no FUSE: there is no /dev/fuse (modprobe fuse?)');
  }
}

function checkMountPoint(path: string): void {
  try {
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    throw new FuseError('fuse/bad-mount-point', `cannot mount at '${path}': ${systemErrorText(error)}`);
  }
  throw new FuseError('fuse/bad-mount-point', `cannot mount at '${path}': it is no folder`);
}

function mountFailed(mountPoint: string, reason: string, options: ErrorOptions): FuseError {
  return new FuseError('fuse/mount-failed', `cannot mount at '${mountPoint}': ${reason}`, options);
}
