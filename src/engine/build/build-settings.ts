import { totalmem } from 'node:os';
import type { NestedMode } from '../nested/nested-store.ts';
import type { ExternalBuilder, ReadableSettings, SandboxMode, SandboxPath } from '../../nix-compat/index.ts';

/** What of the settings decides on how this machine builds. */
export interface BuildSettings {
  /** What this machine is, and what else it can run. */
  readonly system: string;
  readonly extraPlatforms: ReadonlySet<string>;
  readonly systemFeatures: ReadonlySet<string>;
  /** What builders may do with the store that want to. */
  readonly nestedModes: ReadonlySet<NestedMode>;

  /** Programs that build for systems, in place of this machine. */
  readonly externalBuilders: readonly ExternalBuilder[];

  readonly sandbox: SandboxMode;
  /** Whether to build without a sandbox where there can be none. */
  readonly sandboxFallback: boolean;
  /** By where the builder sees them. */
  readonly sandboxPaths: ReadonlyMap<string, SandboxPath>;
  /** Where the builder sees its folder. */
  readonly sandboxBuildDir: string;
  /** In bytes; undefined for half of the memory. */
  readonly sharedMemorySize: number | undefined;
  readonly allowedImpureHostDeps: ReadonlySet<string>;
  readonly filtersSyscalls: boolean;
  /** Whether no builder may have supplementary groups of ours. */
  readonly requiresNoGroups: boolean;
  /** Whether all builders run in control groups, and whether any may. */
  readonly usesControlGroups: boolean;
  readonly allowsControlGroups: boolean;
  /** Whether builders are shown a Linux 2.6. */
  readonly showsLinux26: boolean;
  readonly certificates: string | undefined;

  /** Where folders of builds are made; in the data folder unless given. */
  readonly buildDir: string | undefined;
  /** Group whose members builds run as; empty for none. */
  readonly buildUsersGroup: string;
  readonly autoAllocatesUsers: boolean;
  /** First of the user ids that are given to builds, and how many there are. */
  readonly firstUser: number;
  readonly userCount: number;

  /** Processors that a builder is told it may use. */
  readonly cores: number;
  /** In seconds, of the whole build and without output; 0 for none. */
  readonly timeout: number;
  readonly maxSilentTime: number;
  /** In bytes; 0 for none. */
  readonly maxLogSize: number;
  /** Lines of the log's end that a failure shows. */
  readonly logLines: number;
  readonly keepsLog: boolean;
  readonly compressesLog: boolean;
  readonly keepsFailed: boolean;

  readonly preBuildHook: string;
  readonly postBuildHook: string;
  readonly diffHook: string | undefined;

  /** Variables for builders that may see such of ours: they take precedence. */
  readonly impureEnv: ReadonlyMap<string, string>;
  /** Whether realisations are recorded of all outputs. */
  readonly recordsRealisations: boolean;
  /** Whether failures name `nix log`, or `nix-store -l` in its place. */
  readonly hasNixCommand: boolean;
}

/** `cores` is how many processors this machine has. */
export function readBuildSettings(settings: ReadableSettings, { cores }: { readonly cores: number }): BuildSettings {
  const features = settings.get('experimental-features');
  return {
    system: settings.get('system'),
    extraPlatforms: settings.get('extra-platforms'),
    systemFeatures: new Set([
      ...settings.get('system-features'),
      ...(features.has('ca-derivations') ? ['ca-derivations'] : []),
      ...(features.has('recursive-nix') ? ['recursive-nix'] : []),
      ...(features.has('dynamic-derivations') ? ['builder-rpc-v0'] : []),
    ]),
    nestedModes: new Set<NestedMode>([
      ...(features.has('recursive-nix') ? (['build'] as const) : []),
      ...(features.has('dynamic-derivations') ? (['submit'] as const) : []),
    ]),
    externalBuilders: features.has('external-builders') ? settings.get('external-builders') : [],
    sandbox: settings.get('sandbox'),
    sandboxFallback: settings.get('sandbox-fallback'),
    sandboxPaths: settings.get('sandbox-paths'),
    sandboxBuildDir: settings.get('sandbox-build-dir'),
    sharedMemorySize: parseMemorySize(settings.get('sandbox-dev-shm-size')),
    allowedImpureHostDeps: settings.get('allowed-impure-host-deps'),
    filtersSyscalls: settings.get('filter-syscalls'),
    requiresNoGroups: settings.get('require-drop-supplementary-groups'),
    usesControlGroups: settings.get('use-cgroups'),
    allowsControlGroups: features.has('cgroups'),
    showsLinux26: settings.get('impersonate-linux-26'),
    certificates: settings.get('ssl-cert-file'),
    buildDir: settings.get('build-dir'),
    buildUsersGroup: settings.get('build-users-group'),
    autoAllocatesUsers: settings.get('auto-allocate-uids'),
    firstUser: settings.get('start-id'),
    userCount: settings.get('id-count'),
    cores: settings.get('cores') === 0 ? cores : settings.get('cores'),
    timeout: Number(settings.get('timeout')),
    maxSilentTime: Number(settings.get('max-silent-time')),
    maxLogSize: Number(settings.get('max-build-log-size')),
    logLines: Number(settings.get('log-lines')),
    keepsLog: settings.get('keep-build-log'),
    compressesLog: settings.get('compress-build-log'),
    keepsFailed: settings.get('keep-failed'),
    preBuildHook: settings.get('pre-build-hook'),
    postBuildHook: settings.get('post-build-hook'),
    diffHook: settings.get('run-diff-hook') ? settings.get('diff-hook') : undefined,
    impureEnv: settings.get('impure-env'),
    recordsRealisations: features.has('ca-derivations'),
    hasNixCommand: features.has('nix-command'),
  };
}

const memoryUnits: { readonly [unit: string]: number } = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size as mount(8) takes it for tmpfs; undefined for what the kernel would refuse. */
function parseMemorySize(text: string): number | undefined {
  const match = /^([0-9]+)([kmgt%]?)$/i.exec(text);
  if (match === null) return undefined;
  const count = Number(match[1]);
  return match[2] === '%'
    ? Math.floor((totalmem() * count) / 100)
    : count * (memoryUnits[match[2]?.toLowerCase() ?? ''] ?? 1);
}
