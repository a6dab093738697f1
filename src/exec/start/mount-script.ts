import { randomUUID } from 'node:crypto';
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { byteStringFromText, errnoOf, systemErrorText, unreachable } from '../../base/index.ts';
import type { Mount } from '../action.ts';
import { ExecError } from '../error.ts';
import type { SystemCallScript } from './system-call-script.ts';

const text = byteStringFromText;
/** `AT_FDCWD`. */
const here = -100;

const flags = { noSuid: 2, noDevices: 4, noExecution: 8, bind: 0x1000, recursive: 0x4000, private: 0x40000 } as const;
/** Of mount_setattr(2), which adds to what a mount has: those of the host are locked. */
const attributes = { readOnly: 1, noSuid: 2, noDevices: 4 } as const;
const attributesRecursive = 0x8000;
const detach = 2;
const removeFolder = 0x200;
const regularFile = 0o100000;
const O_WRONLY_CREATE = 0o1101;

type BindMount = Extract<Mount, { readonly kind: 'bind' }>;
export type OverlayMount = Extract<Mount, { readonly kind: 'overlay' }>;

/**
 * The mounts of a sandbox, as system calls of a process that is root in namespaces of its own.
 *
 * The root is a file system in memory; while the others are mounted, the host's hangs below it. No time is lost with what
 * is there already: thousands of mounts take as many times what one does.
 */
export class MountScript {
  readonly #script: SystemCallScript;
  /** The number that an opened file gets. */
  readonly #descriptor: number;
  readonly #folders = new Set(['/']);
  /** File systems in memory that are to be written to only by those who mount. */
  readonly #sealed: string[] = [];
  /** Symlinks of trees that are mounted must not lead there while folders are made in them: nobody can guess it. */
  readonly oldRoot = `/.firn-host-${randomUUID()}`;
  readonly #realFolders = new Map<string, string>();

  constructor(script: SystemCallScript, descriptor: number) {
    this.#script = script;
    this.#descriptor = descriptor;
  }

  /** `root` is what the root is, if not an empty folder. */
  begin(root?: OverlayMount): void {
    // Nothing that is mounted here is seen outside, nor what is mounted there later here.
    this.#call('mount', [0, this.#text('/'), 0, flags.recursive | flags.private, 0]);
    // Any folder that every system has will do.
    const place = '/tmp';
    if (root === undefined) this.#mount('tmpfs', place, flags.noSuid | flags.noDevices, 'mode=0755');
    else this.#mountOverlay(root, '', place);
    this.#call('mkdirat', [here, this.#text(`${place}${this.oldRoot}`), 0o700]);
    this.#call('pivot_root', [this.#text(place), this.#text(`${place}${this.oldRoot}`)]);
    this.#call('chdir', [this.#text('/')]);
  }

  add(mount: Mount): void {
    switch (mount.kind) {
      case 'bind':
        return this.#bind(mount);
      case 'tmpfs': {
        const size = mount.size === undefined ? '' : `,size=${mount.size}`;
        this.#makeFolder(mount.to);
        return this.#mount('tmpfs', mount.to, flags.noSuid | flags.noDevices, `mode=0${mount.mode.toString(8)}${size}`);
      }
      case 'overlay':
        this.#makeFolder(mount.to);
        return this.#mountOverlay(mount, this.oldRoot, mount.to);
      case 'folder':
        this.#makeFolder(mount.to);
        this.#call('fchmodat', [here, this.#text(mount.to), mount.mode]);
        return undefined;
      case 'file':
        return this.#makeFile(mount.to, mount.contents, mount.mode);
      case 'symlink':
        return this.#makeSymlink(mount.to, mount.target);
      case 'proc':
        this.#makeFolder(mount.to);
        return this.#mount('proc', mount.to, flags.noSuid | flags.noDevices | flags.noExecution);
      case 'sysfs':
        this.#makeFolder(mount.to);
        return this.#mount('sysfs', mount.to, flags.noSuid | flags.noDevices | flags.noExecution);
      case 'devices':
        return this.#makeDevices(mount.to);
      default:
        return unreachable(mount);
    }
  }

  /** What in `/proc` is the kernel's and not the processes' can be read only. */
  protectKernel(mounts: readonly Mount[]): void {
    for (const mount of mounts) {
      if (mount.kind !== 'proc') continue;
      for (const name of ['sys', 'sysrq-trigger', 'irq', 'bus']) {
        const path = this.#text(`${mount.to}/${name}`);
        // Some kernels lack the others.
        const options = name === 'sys' ? {} : { onError: 'next' as const };
        this.#script.call('mount', [path, path, 0, flags.bind, 0], options);
        this.#script.call('mount_setattr', this.#attributesOf(path, attributes.readOnly, false), options);
      }
    }
  }

  /** `sealsRoot`: whether nobody can write to the root folder any more. */
  end({ sealsRoot }: { readonly sealsRoot: boolean }): void {
    this.#call('umount2', [this.#text(this.oldRoot), detach]);
    this.#call('unlinkat', [here, this.#text(this.oldRoot), removeFolder]);
    for (const path of [...this.#sealed, ...(sealsRoot ? ['/'] : [])]) {
      this.#call('mount_setattr', this.#attributesOf(this.#text(path), attributes.readOnly, false));
    }
  }

  #bind({ from, to, writable, optional = false, devices = false, is, isMade = false }: BindMount): void {
    const source =
      is === undefined ? this.#findSource(from, optional) : { path: this.#realChild(from), isFolder: is === 'folder' };
    if (source === undefined) return;
    if (!isMade && source.isFolder) this.#makeFolder(to);
    else if (!isMade) this.#makeMountPoint(to);
    this.#bindPath(source.path, to);
    const added = attributes.noSuid | (writable ? 0 : attributes.readOnly) | (devices ? 0 : attributes.noDevices);
    this.#call('mount_setattr', this.#attributesOf(this.#text(to), added, true));
  }

  #findSource(from: string, isOptional: boolean): Source | undefined {
    try {
      const stats = lstatSync(from);
      // Many are in one folder, the store's.
      if (!stats.isSymbolicLink() && resolve(from) === from)
        return { path: this.#realChild(from), isFolder: stats.isDirectory() };
      const path = realpathSync.native(from);
      return { path, isFolder: statSync(path).isDirectory() };
    } catch (error) {
      if (isOptional && errnoOf(error) === 'ENOENT') return undefined;
      throw new ExecError('exec/bad-mount', `cannot show '${from}' in a sandbox: ${systemErrorText(error)}`);
    }
  }

  #realChild(path: string): string {
    const parent = dirname(path);
    let real = this.#realFolders.get(parent);
    if (real === undefined) {
      real = realpathSync.native(parent);
      this.#realFolders.set(parent, real);
    }
    return join(real, basename(path));
  }

  #makeDevices(to: string): void {
    this.#makeFolder(to);
    this.#mount('tmpfs', to, flags.noSuid, 'mode=0755');
    this.#sealed.push(to);
    for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
      this.#makeMountPoint(`${to}/${name}`);
      this.#bindPath(`/dev/${name}`, `${to}/${name}`);
    }
    this.#makeSymlink(`${to}/fd`, '/proc/self/fd');
    for (const [at, name] of ['stdin', 'stdout', 'stderr'].entries()) {
      this.#makeSymlink(`${to}/${name}`, `/proc/self/fd/${at}`);
    }
    this.#makeFolder(`${to}/pts`);
    this.#mount('devpts', `${to}/pts`, flags.noSuid | flags.noExecution, 'newinstance,ptmxmode=0666,mode=620');
    this.#makeSymlink(`${to}/ptmx`, 'pts/ptmx');
    this.#makeFolder(`${to}/shm`);
    this.#mount('tmpfs', `${to}/shm`, flags.noSuid | flags.noDevices, 'mode=01777');
  }

  #bindPath(from: string, to: string): void {
    this.#call('mount', [this.#text(`${this.oldRoot}${from}`), this.#text(to), 0, flags.bind | flags.recursive, 0]);
  }

  #mount(type: string, to: string, mountFlags: number, data = ''): void {
    this.#call('mount', [this.#text(type), this.#text(to), this.#text(type), mountFlags, this.#text(data)]);
  }

  /** `host` is where this machine's root is at that moment. */
  #mountOverlay({ lower, upper, work }: OverlayMount, host: string, to: string): void {
    const folder = (path: string) => `${host}${path}`.replace(/[\\:,]/g, character => `\\${character}`);
    const layers = `lowerdir=${folder(lower)},upperdir=${folder(upper)},workdir=${folder(work)}`;
    // Attributes that a user may set: whoever mounts is root of a user namespace alone.
    this.#mount('overlay', to, flags.noSuid | flags.noDevices, `${layers},userxattr`);
  }

  #makeParents(path: string): void {
    const parent = dirname(path);
    if (!this.#folders.has(parent)) this.#makeFolder(parent);
  }

  // What is there already stays; that it is something else shows when it is mounted on.
  #makeFolder(path: string): void {
    this.#makeParents(path);
    if (this.#folders.has(path)) return;
    this.#folders.add(path);
    this.#script.call('mkdirat', [here, this.#text(path), 0o755], { onError: 'next' });
  }

  #makeMountPoint(path: string): void {
    this.#makeParents(path);
    this.#script.call('mknodat', [here, this.#text(path), regularFile | 0o444, 0], { onError: 'next' });
  }

  #makeFile(path: string, contents: Uint8Array, mode: number): void {
    this.#makeParents(path);
    this.#call('openat', [here, this.#text(path), O_WRONLY_CREATE, mode]);
    if (contents.byteLength > 0) {
      this.#call('write', [this.#descriptor, this.#script.bytes(contents), contents.byteLength]);
    }
    this.#call('close', [this.#descriptor]);
  }

  #makeSymlink(path: string, target: string): void {
    this.#makeParents(path);
    this.#call('symlinkat', [this.#text(target), here, this.#text(path)]);
  }

  /** Arguments of mount_setattr(2): its structure has what is added, what is taken away, propagation, a namespace. */
  #attributesOf(
    path: ReturnType<SystemCallScript['text']>,
    added: number,
    isRecursive: boolean,
  ): Parameters<SystemCallScript['call']>[1] {
    return [here, path, isRecursive ? attributesRecursive : 0, this.#script.words([added, 0, 0, 0]), 32];
  }

  #text(path: string): ReturnType<SystemCallScript['text']> {
    return this.#script.text(text(path));
  }

  #call(...[call, words]: Parameters<SystemCallScript['call']>): void {
    this.#script.call(call, words);
  }
}

interface Source {
  /** Without symlinks: they would lead to places in the sandbox. */
  readonly path: string;
  readonly isFolder: boolean;
}
