import { accessSync, constants } from 'node:fs';
import {
  featuresKind,
  fixedListKind,
  int64Kind,
  jobsKind,
  lintKind,
  listKind,
  mapKind,
  optionalTextKind,
  pathKind,
  profilerKind,
  sandboxKind,
  setKind,
  switchKind,
  textKind,
  uint32Kind,
  uint64Kind,
} from './setting-kinds.ts';
import { Setting, setting } from './setting.ts';

/** The settings of C++ Nix 2.34 with their defaults, fresh for each call. `confDir` is where nix.conf is. */
export function createSettingTable(confDir: string) {
  return {
    'abort-on-warn': setting(switchKind, false),
    'accept-flake-config': setting(switchKind, false, { feature: 'flakes' }),
    'access-tokens': setting(mapKind, new Map()),
    'allow-dirty': setting(switchKind, true),
    'allow-dirty-locks': setting(switchKind, false, { feature: 'flakes' }),
    'allow-import-from-derivation': setting(switchKind, true),
    'allow-new-privileges': setting(switchKind, false),
    'allow-symlinked-store': setting(switchKind, false),
    'allow-unsafe-native-code-during-evaluation': setting(switchKind, false),
    'allowed-impure-host-deps': setting(setKind, new Set()),
    'allowed-uris': setting(listKind, []),
    'allowed-users': setting(listKind, ['*']),
    'always-allow-substitutes': setting(switchKind, false),
    'auto-allocate-uids': setting(switchKind, false, { feature: 'auto-allocate-uids' }),
    'auto-optimise-store': setting(switchKind, false),
    'bash-prompt': setting(textKind, ''),
    'bash-prompt-prefix': setting(textKind, ''),
    'bash-prompt-suffix': setting(textKind, ''),
    'build-dir': setting(optionalTextKind, undefined),
    'build-hook': setting(listKind, ['nix','__build-remote']),
    'build-poll-interval': setting(uint32Kind, 5),
    'build-users-group': new Setting(textKind, () => (process.getuid?.() === 0 ? 'nixbld' : '')),
    builders: setting(textKind, `@${confDir}/machines`),
    'builders-use-substitutes': setting(switchKind, false),
    'commit-lock-file-summary': setting(textKind, '', { aliases: ['commit-lockfile-summary'], feature: 'flakes' }),
    'compress-build-log': setting(switchKind, true, { aliases: ['build-compress-log'] }),
    'connect-timeout': setting(uint64Kind, 15),
    cores: setting(uint32Kind, 0, { aliases: ['build-cores'] }),
    'debugger-on-trace': setting(switchKind, false),
    'debugger-on-warn': setting(switchKind, false),
    'diff-hook': setting(optionalTextKind, undefined),
    'download-attempts': setting(uint32Kind, 5),
    'download-buffer-size': setting(uint64Kind, 1048576),
    'download-speed': setting(uint32Kind, 0),
    'eval-attrset-update-layer-rhs-threshold': setting(uint32Kind, 16),
    'eval-cache': setting(switchKind, true),
    'eval-profile-file': setting(pathKind, 'nix.profile'),
    'eval-profiler': setting(profilerKind, 'disabled'),
    'eval-profiler-frequency': setting(uint32Kind, 99),
    'eval-system': setting(textKind, ''),
    'experimental-features': setting(featuresKind, undefined),
    'external-builders': setting(textKind, '[]'),
    'extra-platforms': new Setting(setKind, extraPlatforms),
    fallback: setting(switchKind, false, { aliases: ['build-fallback'] }),
    'filter-syscalls': setting(switchKind, true),
    'flake-registry': setting(textKind, 'https://channels.nixos.org/flake-registry.json', { feature: 'flakes' }),
    'fsync-metadata': setting(switchKind, true),
    'fsync-store-paths': setting(switchKind, false),
    'gc-reserved-space': setting(int64Kind, 8388608),
    'hashed-mirrors': setting(listKind, []),
    'http-connections': setting(uint64Kind, 25, { aliases: ['binary-caches-parallel-connections'] }),
    http2: setting(switchKind, true),
    'id-count': setting(uint32Kind, 8388608),
    'ignore-try': setting(switchKind, false),
    'ignored-acls': setting(setKind, new Set(['security.csm','security.selinux','system.nfs4_acl'])),
    'impersonate-linux-26': setting(switchKind, false, { aliases: ['build-impersonate-linux-26'] }),
    'impure-env': setting(mapKind, new Map(), { feature: 'configurable-impure-env' }),
    'json-log-path': setting(optionalTextKind, undefined),
    'keep-build-log': setting(switchKind, true, { aliases: ['build-keep-log'] }),
    'keep-derivations': setting(switchKind, true, { aliases: ['gc-keep-derivations'] }),
    'keep-env-derivations': setting(switchKind, false, { aliases: ['env-keep-derivations'] }),
    'keep-failed': setting(switchKind, false),
    'keep-going': setting(switchKind, false),
    'keep-outputs': setting(switchKind, false, { aliases: ['gc-keep-outputs'] }),
    'lint-absolute-path-literals': setting(lintKind, 'ignore'),
    'lint-short-path-literals': setting(lintKind, 'ignore'),
    'lint-url-literals': setting(lintKind, 'ignore'),
    'log-lines': setting(uint64Kind, 25),
    'max-build-log-size': setting(uint64Kind, 0, { aliases: ['build-max-log-size'] }),
    'max-call-depth': setting(uint32Kind, 10000),
    'max-free': setting(uint64Kind, 2 ** 63),
    'max-jobs': setting(jobsKind, 1, { aliases: ['build-max-jobs'] }),
    'max-silent-time': setting(int64Kind, 0, { aliases: ['build-max-silent-time'] }),
    'max-substitution-jobs': setting(uint32Kind, 16, { aliases: ['substitution-max-jobs'] }),
    'min-free': setting(uint64Kind, 0),
    'min-free-check-interval': setting(uint64Kind, 5),
    'nar-buffer-size': setting(uint64Kind, 33554432),
    'narinfo-cache-meta-ttl': setting(uint32Kind, 604800),
    'narinfo-cache-negative-ttl': setting(uint32Kind, 3600),
    'narinfo-cache-positive-ttl': setting(uint32Kind, 2592000),
    'netrc-file': setting(pathKind, `${confDir}/netrc`),
    'nix-path': setting(listKind, []),
    'nix-shell-always-looks-for-shell-nix': setting(switchKind, true),
    'nix-shell-shebang-arguments-relative-to-script': setting(switchKind, true),
    'plugin-files': setting(fixedListKind, []),
    'post-build-hook': setting(textKind, ''),
    'pre-build-hook': setting(textKind, ''),
    'preallocate-contents': setting(switchKind, false),
    'print-missing': setting(switchKind, true),
    'pure-eval': setting(switchKind, false),
    'require-drop-supplementary-groups': setting(switchKind, true),
    'require-sigs': setting(switchKind, true),
    'restrict-eval': setting(switchKind, false),
    'run-diff-hook': setting(switchKind, false),
    sandbox: setting(sandboxKind, 'true', { aliases: ['build-use-chroot','build-use-sandbox'] }),
    'sandbox-build-dir': setting(pathKind, '/build'),
    'sandbox-dev-shm-size': setting(textKind, '50%'),
    'sandbox-fallback': setting(switchKind, true),
    'sandbox-paths': setting(setKind, new Set(), { aliases: ['build-chroot-dirs','build-sandbox-paths'] }),
    'secret-key-files': setting(listKind, []),
    'show-trace': setting(switchKind, false),
    'ssl-cert-file': setting(optionalTextKind, undefined),
    'stalled-download-timeout': setting(uint64Kind, 300),
    'start-id': setting(uint32Kind, 872415232),
    store: setting(textKind, 'auto'),
    substitute: setting(switchKind, true, { aliases: ['build-use-substitutes'] }),
    substituters: setting(listKind, ['https://cache.nixos.org/'], { aliases: ['binary-caches'] }),
    'sync-before-registering': setting(switchKind, false),
    system: new Setting(textKind, hostSystem),
    'system-features': new Setting(setKind, systemFeatures),
    'tarball-ttl': setting(uint32Kind, 3600),
    timeout: setting(int64Kind, 0, { aliases: ['build-timeout'] }),
    'trace-function-calls': setting(switchKind, false),
    'trace-import-from-derivation': setting(switchKind, false),
    'trace-verbose': setting(switchKind, false),
    'trust-tarballs-from-git-forges': setting(switchKind, true),
    'trusted-public-keys': setting(listKind, ['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='], { aliases: ['binary-cache-public-keys'] }),
    'trusted-substituters': setting(setKind, new Set(), { aliases: ['trusted-binary-caches'] }),
    'trusted-users': setting(listKind, ['root']),
    'upgrade-nix-store-path-url': setting(textKind, 'https://github.com/NixOS/nixpkgs/raw/master/nixos/modules/installer/tools/nix-fallback-paths.nix'),
    'use-case-hack': new Setting(switchKind, () => process.platform === 'darwin'),
    'use-cgroups': setting(switchKind, false),
    'use-registries': setting(switchKind, true, { feature: 'flakes' }),
    'use-sqlite-wal': setting(switchKind, true),
    'use-xdg-base-directories': setting(switchKind, false),
    'user-agent-suffix': setting(textKind, ''),
    'warn-dirty': setting(switchKind, true),
    'warn-large-path-threshold': setting(uint64Kind, 0),
    'warn-short-path-literals': setting(switchKind, false),
  };
}

export type SettingTable = ReturnType<typeof createSettingTable>;
export type SettingName = keyof SettingTable;

const machines: { readonly [arch: string]: string } = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' };

/** The platform that this process runs on, in Nix's words: `x86_64-linux`. */
function hostSystem(): string {
  return `${machines[process.arch] ?? process.arch}-${process.platform}`;
}

function extraPlatforms(): ReadonlySet<string> {
  return new Set(hostSystem() === 'x86_64-linux' ? ['i686-linux'] : []);
}

function systemFeatures(): ReadonlySet<string> {
  const features = new Set(['benchmark', 'big-parallel', 'nixos-test']);
  if (process.platform === 'linux') features.add('uid-range');
  if (canUseKvm()) features.add('kvm');
  return features;
}

function canUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
