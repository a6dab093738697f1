import type { ExperimentalFeature } from './experimental-features.ts';
import { Setting, type SettingOptions } from './setting.ts';
import {
  type SandboxPath,
  type SettingType,
  absolutePathType,
  booleanType,
  diagnoseType,
  evalProfilerType,
  externalBuildersType,
  featuresType,
  int64Type,
  jobsType,
  listType,
  mapType,
  optionalAbsolutePathType,
  pathListType,
  pathSetType,
  pathType,
  sandboxModeType,
  sandboxPathsType,
  setType,
  stringType,
  uint32Type,
  uint64Type,
} from './setting-type.ts';

function setting<T>(type: SettingType<T>, defaultValue: T, options?: SettingOptions): Setting<T> {
  return new Setting(type, () => defaultValue, options);
}

/** Of which finding out the default takes a look at the machine. */
function foundSetting<T>(type: SettingType<T>, findDefault: () => T, options?: SettingOptions): Setting<T> {
  return new Setting(type, findDefault, options);
}

const machineSpecific: SettingOptions = { documentsDefault: false };

/** What the defaults of settings depend on. */
export interface SettingsEnvironment {
  readonly platform: 'linux' | 'darwin';
  /** `x86_64-linux` and the like. */
  readonly system: string;
  /** Systems that the machine can build for besides. */
  readonly extraPlatforms: readonly string[];
  readonly systemFeatures: readonly string[];
  /** Number of processors, at least 1. */
  readonly cores: number;
  readonly isRoot: boolean;
  /** Where `nix.conf` is, usually `/etc/nix`. */
  readonly confDir: string;
  /** The store's URL, usually `auto`. */
  readonly store: string;
  readonly sslCertFile: string | undefined;
  readonly nixPath: readonly string[];
  /** A program that builds see as /bin/sh unless configured otherwise. */
  readonly sandboxShell: string | undefined;
  /** Those in force while no configuration names any. */
  readonly experimentalFeatures: ReadonlySet<ExperimentalFeature>;
}

function defaultSandboxPaths({ sandboxShell }: SettingsEnvironment): ReadonlyMap<string, SandboxPath> {
  return new Map(sandboxShell === undefined ? [] : [['/bin/sh', { source: sandboxShell, optional: false }]]);
}

/**
 * The settings of Nix 2.34 as `nix config show` names them, with their defaults; not those that exist on macOS alone.
 */
export function nixSettings(environment: SettingsEnvironment) {
  return {
    'abort-on-warn': setting(booleanType, false),
    'accept-flake-config': setting(booleanType, false, { feature: 'flakes' }),
    'access-tokens': setting(mapType, new Map()),
    'allow-dirty': setting(booleanType, true),
    'allow-dirty-locks': setting(booleanType, false, { feature: 'flakes' }),
    'allow-import-from-derivation': setting(booleanType, true),
    'allow-new-privileges': setting(booleanType, false),
    'allow-symlinked-store': setting(booleanType, false),
    'allow-unsafe-native-code-during-evaluation': setting(booleanType, false),
    'allowed-impure-host-deps': setting(pathSetType, new Set()),
    'allowed-uris': setting(listType, []),
    'allowed-users': setting(listType, ['*']),
    'always-allow-substitutes': setting(booleanType, false),
    'auto-allocate-uids': setting(booleanType, false, { feature: 'auto-allocate-uids' }),
    'auto-optimise-store': setting(booleanType, false),
    'bash-prompt': setting(stringType, ''),
    'bash-prompt-prefix': setting(stringType, ''),
    'bash-prompt-suffix': setting(stringType, ''),
    'build-dir': setting(optionalAbsolutePathType, undefined),
    'build-hook': setting(listType, ['nix', '__build-remote']),
    'build-poll-interval': setting(uint32Type, 5),
    'build-users-group': setting(stringType, '', machineSpecific),
    builders: setting(stringType, `@${environment.confDir}/machines`, machineSpecific),
    'builders-use-substitutes': setting(booleanType, false),
    'commit-lock-file-summary': setting(stringType, '', { aliases: ['commit-lockfile-summary'], feature: 'flakes' }),
    'compress-build-log': setting(booleanType, true, { aliases: ['build-compress-log'] }),
    'connect-timeout': setting(uint64Type, 15n),
    cores: setting(uint32Type, 0, { aliases: ['build-cores'] }),
    'debugger-on-trace': setting(booleanType, false),
    'debugger-on-warn': setting(booleanType, false),
    'diff-hook': setting(optionalAbsolutePathType, undefined),
    'download-attempts': setting(uint32Type, 5),
    'download-buffer-size': setting(uint64Type, 1048576n),
    'download-speed': setting(uint32Type, 0),
    'eval-attrset-update-layer-rhs-threshold': setting(uint32Type, 16),
    'eval-cache': setting(booleanType, true),
    'eval-profile-file': setting(pathType, 'nix.profile'),
    'eval-profiler': setting(evalProfilerType, 'disabled'),
    'eval-profiler-frequency': setting(uint32Type, 99),
    'eval-system': setting(stringType, ''),
    'experimental-features': setting(featuresType, environment.experimentalFeatures),
    'external-builders': setting(externalBuildersType, []),
    'extra-platforms': foundSetting(setType, () => new Set(environment.extraPlatforms), machineSpecific),
    fallback: setting(booleanType, false, { aliases: ['build-fallback'] }),
    'filter-syscalls': setting(booleanType, true),
    'flake-registry': setting(stringType, 'https://channels.nixos.org/flake-registry.json', { feature: 'flakes' }),
    'fsync-metadata': setting(booleanType, true),
    'fsync-store-paths': setting(booleanType, false),
    'gc-reserved-space': setting(int64Type, 8388608n),
    'hashed-mirrors': setting(listType, []),
    'http-connections': setting(uint64Type, 25n, { aliases: ['binary-caches-parallel-connections'] }),
    http2: setting(booleanType, true),
    'id-count': setting(uint32Type, 8388608),
    'ignore-try': setting(booleanType, false),
    'ignored-acls': setting(setType, new Set(['security.csm', 'security.selinux', 'system.nfs4_acl'])),
    'impersonate-linux-26': setting(booleanType, false, { aliases: ['build-impersonate-linux-26'] }),
    'impure-env': setting(mapType, new Map(), { feature: 'configurable-impure-env' }),
    'json-log-path': setting(optionalAbsolutePathType, undefined),
    'keep-build-log': setting(booleanType, true, { aliases: ['build-keep-log'] }),
    'keep-derivations': setting(booleanType, true, { aliases: ['gc-keep-derivations'] }),
    'keep-env-derivations': setting(booleanType, false, { aliases: ['env-keep-derivations'] }),
    'keep-failed': setting(booleanType, false),
    'keep-going': setting(booleanType, false),
    'keep-outputs': setting(booleanType, false, { aliases: ['gc-keep-outputs'] }),
    'lint-absolute-path-literals': setting(diagnoseType, 'ignore'),
    'lint-short-path-literals': setting(diagnoseType, 'ignore'),
    'lint-url-literals': setting(diagnoseType, 'ignore'),
    'log-lines': setting(uint64Type, 25n),
    'max-build-log-size': setting(uint64Type, 0n, { aliases: ['build-max-log-size'] }),
    'max-call-depth': setting(uint32Type, 10000),
    'max-free': setting(uint64Type, 9223372036854775807n),
    'max-jobs': setting(jobsType(environment.cores), 1, { aliases: ['build-max-jobs'] }),
    'max-silent-time': setting(int64Type, 0n, { aliases: ['build-max-silent-time'] }),
    'max-substitution-jobs': setting(uint32Type, 16, { aliases: ['substitution-max-jobs'] }),
    'min-free': setting(uint64Type, 0n),
    'min-free-check-interval': setting(uint64Type, 5n),
    'nar-buffer-size': setting(uint64Type, 33554432n),
    'narinfo-cache-meta-ttl': setting(uint32Type, 604800),
    'narinfo-cache-negative-ttl': setting(uint32Type, 3600),
    'narinfo-cache-positive-ttl': setting(uint32Type, 2592000),
    'netrc-file': setting(absolutePathType, `${environment.confDir}/netrc`),
    'nix-path': setting(listType, environment.nixPath, machineSpecific),
    'nix-shell-always-looks-for-shell-nix': setting(booleanType, true),
    'nix-shell-shebang-arguments-relative-to-script': setting(booleanType, true),
    'plugin-files': setting(pathListType, []),
    'post-build-hook': setting(stringType, ''),
    'pre-build-hook': setting(stringType, ''),
    'preallocate-contents': setting(booleanType, false),
    'print-missing': setting(booleanType, true),
    'pure-eval': setting(booleanType, false),
    'require-drop-supplementary-groups': setting(booleanType, environment.isRoot),
    'require-sigs': setting(booleanType, true),
    'restrict-eval': setting(booleanType, false),
    'run-diff-hook': setting(booleanType, false),
    sandbox: setting(sandboxModeType, environment.platform === 'linux' ? 'true' : 'false', {
      aliases: ['build-use-chroot', 'build-use-sandbox'],
    }),
    'sandbox-build-dir': setting(absolutePathType, '/build'),
    'sandbox-dev-shm-size': setting(stringType, '50%'),
    'sandbox-fallback': setting(booleanType, true),
    'sandbox-paths': foundSetting(sandboxPathsType, () => defaultSandboxPaths(environment), {
      aliases: ['build-chroot-dirs', 'build-sandbox-paths'],
    }),
    'secret-key-files': setting(listType, []),
    'show-trace': setting(booleanType, false),
    'ssl-cert-file': foundSetting(optionalAbsolutePathType, () => environment.sslCertFile, machineSpecific),
    'stalled-download-timeout': setting(uint64Type, 300n),
    'start-id': setting(uint32Type, 872415232),
    store: setting(stringType, environment.store),
    substitute: setting(booleanType, true, { aliases: ['build-use-substitutes'] }),
    substituters: setting(listType, ['https://cache.nixos.org/'], { aliases: ['binary-caches'] }),
    'sync-before-registering': setting(booleanType, false),
    system: setting(stringType, environment.system),
    'system-features': foundSetting(setType, () => new Set(environment.systemFeatures), machineSpecific),
    'tarball-ttl': setting(uint32Type, 3600),
    timeout: setting(int64Type, 0n, { aliases: ['build-timeout'] }),
    'trace-function-calls': setting(booleanType, false),
    'trace-import-from-derivation': setting(booleanType, false),
    'trace-verbose': setting(booleanType, false),
    'trust-tarballs-from-git-forges': setting(booleanType, true),
    'trusted-public-keys': setting(listType, ['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='], {
      aliases: ['binary-cache-public-keys'],
    }),
    'trusted-substituters': setting(setType, new Set(), { aliases: ['trusted-binary-caches'] }),
    'trusted-users': setting(listType, ['root']),
    'upgrade-nix-store-path-url': setting(
      stringType,
      'https://github.com/NixOS/nixpkgs/raw/master/nixos/modules/installer/tools/nix-fallback-paths.nix',
    ),
    'use-case-hack': setting(booleanType, environment.platform === 'darwin'),
    'use-cgroups': setting(booleanType, false),
    'use-registries': setting(booleanType, true, { feature: 'flakes' }),
    'use-sqlite-wal': setting(booleanType, true),
    'use-xdg-base-directories': setting(booleanType, false),
    'user-agent-suffix': setting(stringType, ''),
    'warn-dirty': setting(booleanType, true),
    'warn-large-path-threshold': setting(uint64Type, 0n),
    'warn-short-path-literals': setting(booleanType, false),
  } as const;
}

export type NixSettings = ReturnType<typeof nixSettings>;

export type SettingName = keyof NixSettings;

/** Where the values of settings are read: `Settings`, or whatever keeps one. */
export interface ReadableSettings {
  get<Name extends SettingName>(name: Name): NixSettings[Name]['value'];
}

export function isSettingName(settings: NixSettings, name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}
