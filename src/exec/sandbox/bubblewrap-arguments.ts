import { dirname } from 'node:path';
import { type ByteString, byteStringFromText, unreachable } from '../../base/index.ts';
import type { Mount, Sandbox } from '../action.ts';
import { startDescriptors } from './start-program.ts';

export interface BubblewrapArguments {
  readonly arguments: readonly ByteString[];
  /** Contents of the descriptors that the arguments name. */
  readonly files: ReadonlyMap<number, Uint8Array>;
}

export interface SandboxInside {
  readonly workingFolder: ByteString;
  readonly filter: Uint8Array | undefined;
  /** Where the start program is to be put: it is then a file of the sandbox. */
  readonly startFile?: { readonly path: string; readonly contents: Uint8Array } | undefined;
}

const filterDescriptor = 4;
export const infoDescriptor = 6;
/** Of files; those below are the sandbox's own. */
const firstFile = startDescriptors.go + 1;

/** How bubblewrap makes `sandbox`. */
export function bubblewrapArguments(sandbox: Sandbox, inside: SandboxInside): BubblewrapArguments {
  const files = new Map<number, Uint8Array>();
  const addFile = (contents: Uint8Array): string => {
    const descriptor = firstFile + files.size;
    files.set(descriptor, contents);
    return String(descriptor);
  };
  const { user, group } = sandbox.user;
  const texts = [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(sandbox.network === 'private' ? ['--unshare-net'] : []),
    // The program is the first of its process namespace, as in C++ Nix: all others end with it.
    '--as-pid-1',
    '--new-session',
    ...named({ hostname: sandbox.hostName, uid: user, gid: group }),
    ...withParents(sandbox.mounts, mount => mountArguments(mount, addFile)),
  ];
  const { startFile } = inside;
  if (startFile !== undefined) {
    texts.push('--perms', '0555', '--ro-bind-data', addFile(startFile.contents), startFile.path);
  }
  // bubblewrap's root is a file system in memory that the user owns.
  texts.push('--remount-ro', '/');
  texts.push('--info-fd', String(infoDescriptor));
  if (inside.filter !== undefined) {
    files.set(filterDescriptor, inside.filter);
    texts.push('--seccomp', String(filterDescriptor));
  }
  return { arguments: [...texts.map(byteStringFromText), byteStringFromText('--chdir'), inside.workingFolder], files };
}

function named(options: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** What lies between is made as folders that all can enter: bubblewrap's own would be for their owner alone. */
function withParents(mounts: readonly Mount[], make: (mount: Mount) => string[]): string[] {
  const known = new Set(['/']);
  return mounts.flatMap(mount => {
    const parents: string[] = [];
    for (let at = dirname(mount.to); !known.has(at); at = dirname(at)) {
      known.add(at);
      parents.unshift('--perms', '0755', '--dir', at);
    }
    known.add(mount.to);
    return [...parents, ...make(mount)];
  });
}

function mountArguments(mount: Mount, addFile: (contents: Uint8Array) => string): string[] {
  switch (mount.kind) {
    case 'bind': {
      const { from, to, writable, optional = false, devices = false } = mount;
      const suffix = optional ? '-try' : '';
      if (!devices) return [`--${writable ? '' : 'ro-'}bind${suffix}`, from, to];
      return [`--dev-bind${suffix}`, from, to, ...(writable ? [] : ['--remount-ro', to])];
    }
    case 'tmpfs': {
      const size = mount.size === undefined ? [] : ['--size', String(mount.size)];
      return ['--perms', octal(mount.mode), ...size, '--tmpfs', mount.to];
    }
    case 'folder':
      return ['--perms', octal(mount.mode), '--dir', mount.to];
    case 'file':
      return ['--perms', octal(mount.mode), '--ro-bind-data', addFile(mount.contents), mount.to];
    case 'symlink':
      return ['--symlink', mount.target, mount.to];
    case 'proc':
      return ['--proc', mount.to];
    case 'devices':
      return ['--dev', mount.to];
    default:
      return unreachable(mount);
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
