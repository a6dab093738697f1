import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { systemErrorText } from '../../base/index.ts';
import { type BasicDerivation, derivationTypeOf, isSandboxed } from '../../nix-compat/index.ts';
import type { Mount, Sandbox, UserIds } from '../../exec/index.ts';
import { BuildError } from '../error.ts';
import type { BuildSettings } from './build-settings.ts';
import { builderPersonality } from './builder-personality.ts';
import type { SandboxPath } from './sandbox-paths.ts';
import type { SandboxRoot } from './sandbox-root.ts';

/** As a builder sees itself, on every machine. */
const builderIds: UserIds = { user: 1000, group: 100 };

export interface SandboxRequest {
  readonly derivation: BasicDerivation;
  readonly root: SandboxRoot;
  readonly storeDir: string;
  /** The build's folder on this machine's disk. */
  readonly folder: string;
  readonly paths: ReadonlyMap<string, SandboxPath>;
  readonly user: UserIds | undefined;
  /** How many ids, from the user's on, a builder has that wants many. */
  readonly idCount: number | undefined;
  readonly settings: Pick<
    BuildSettings,
    | 'sandboxBuildDir'
    | 'sharedMemorySize'
    | 'filtersSyscalls'
    | 'requiresNoGroups'
    | 'showsLinux26'
    | 'systemFeatures'
    | 'certificates'
    | 'system'
  >;
}

/** What a builder finds: as little as it needs, and the same on every machine. Throws `BuildError`. */
export function makeSandbox(request: SandboxRequest): Sandbox {
  const { derivation, settings, user, idCount } = request;
  const isClosed = isSandboxed(derivationTypeOf(derivation));
  return {
    kind: 'sandbox',
    mounts: listMounts(request, isClosed),
    network: isClosed ? 'private' : 'host',
    hostName: 'localhost',
    user: idsInside(request),
    outsideUser: user,
    idCount,
    personality: builderPersonality(derivation, settings),
    requiresNoGroups: settings.requiresNoGroups,
    allowsSetuid: !settings.filtersSyscalls,
  };
}

function idsInside({ idCount }: Pick<SandboxRequest, 'idCount'>): UserIds {
  return idCount === undefined ? builderIds : { user: 0, group: 0 };
}

function listMounts(request: SandboxRequest, isClosed: boolean): Mount[] {
  const { root, settings, storeDir, folder } = request;
  const paths = new Map(request.paths);
  const hasOwnDevices = paths.has('/dev');
  if (!isClosed) addNetworkFiles(paths, settings);
  if (!hasOwnDevices && settings.systemFeatures.has('kvm') && existsSync('/dev/kvm')) {
    paths.set('/dev/kvm', { source: '/dev/kvm', optional: true, writable: true });
  }
  const isRoot = request.idCount !== undefined;
  const mounts: Mount[] = [
    { kind: 'folder', to: '/etc', mode: isRoot ? 0o755 : 0o555 },
    textFile('/etc/passwd', passwd(idsInside(request), settings.sandboxBuildDir)),
    textFile('/etc/group', groups(idsInside(request))),
    ...(isClosed
      ? [textFile('/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n')]
      : [textFile('/etc/nsswitch.conf', 'hosts: files dns\nservices: files\n')]),
    { kind: 'bind', from: root.temporaryFolder, to: '/tmp', writable: true },
    { kind: 'bind', from: root.storeDir, to: storeDir, writable: true },
    ...(hasOwnDevices ? [] : [{ kind: 'devices', to: '/dev' } as const]),
    { kind: 'bind', from: folder, to: settings.sandboxBuildDir, writable: true },
  ];
  // Ascending, so that what is within another comes after it.
  const mountPoints = new Map<string, 'file' | 'folder'>();
  for (const [target, path] of [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const mount = mountOf(target, path);
    if (mount === undefined) continue;
    mounts.push(mount.mount);
    if (mount.kind !== undefined && dirname(target) === storeDir) mountPoints.set(basename(target), mount.kind);
  }
  const made = root.prepareMountPoints(mountPoints);
  for (const [at, mount] of mounts.entries()) {
    if (mount.kind !== 'bind' || dirname(mount.to) !== storeDir || !made.has(basename(mount.to))) continue;
    mounts[at] = { ...mount, isMade: true };
  }
  const { sharedMemorySize: size } = settings;
  mounts.push({ kind: 'tmpfs', to: '/dev/shm', mode: 0o1777, ...(size === undefined ? {} : { size }) });
  mounts.push({ kind: 'proc', to: '/proc' });
  if (isRoot && isClosed) mounts.push({ kind: 'sysfs', to: '/sys' });
  return mounts;
}

/** Undefined for what is optional and not there, and for /proc, which is the sandbox's own in any case. */
function mountOf(
  target: string,
  { source, optional, writable }: SandboxPath,
): { readonly mount: Mount; readonly kind?: 'file' | 'folder' } | undefined {
  if (source === '/proc') return undefined;
  let stats;
  try {
    stats = lstatSync(source, { throwIfNoEntry: !optional });
  } catch (error) {
    const message = `getting attributes of path "${source}": ${systemErrorText(error)}`;
    throw new BuildError('MiscFailure', message, { cause: error });
  }
  if (stats === undefined) return undefined;
  if (stats.isSymbolicLink()) return { mount: { kind: 'symlink', to: target, target: readlinkSync(source) } };
  const devices = target === '/dev' || target.startsWith('/dev/');
  const kind = stats.isDirectory() ? 'folder' : 'file';
  const isPlain = resolve(source) === source;
  return {
    mount: {
      kind: 'bind',
      from: source,
      to: target,
      writable,
      ...(devices ? { devices } : {}),
      ...(isPlain ? { is: kind } : {}),
    },
    kind,
  };
}

/** What programs need to find hosts and to trust them. */
function addNetworkFiles(paths: Map<string, SandboxPath>, { certificates }: Pick<BuildSettings, 'certificates'>): void {
  for (const file of ['/etc/resolv.conf', '/etc/services', '/etc/hosts']) {
    if (existsSync(file) && !paths.has(file)) paths.set(file, hostFile(file));
  }
  const bundle = '/etc/ssl/certs/ca-certificates.crt';
  if (certificates !== undefined && existsSync(certificates) && !paths.has(bundle)) {
    paths.set(bundle, hostFile(certificates));
  }
}

/** Symlinks lead to places that the sandbox does not have. */
function hostFile(path: string): SandboxPath {
  return { source: realpathSync(path), optional: true, writable: false };
}

function textFile(to: string, text: string): Mount {
  return { kind: 'file', to, contents: Buffer.from(text), mode: 0o644 };
}

function passwd({ user, group: gid }: UserIds, home: string): string {
  return (
    `root:x:0:0:Nix build user:${home}:/noshell\n` +
    `nixbld:x:${user}:${gid}:Nix build user:${home}:/noshell\n` +
    'nobody:x:65534:65534:Nobody:/:/noshell\n'
  );
}

function groups({ group }: UserIds): string {
  return `root:x:0:\nnixbld:!:${group}:\nnogroup:x:65534:\n`;
}
