import { accessSync, closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type SettingsEnvironment, experimentalFeatures } from '../../nix-compat/index.ts';
import type { Environment } from '../environment.ts';
import { findSandboxShell } from './sandbox-shell.ts';

/**
 * What the defaults of settings depend on: this machine and the environment. What takes a look at files is found out when it is
 * asked for.
 */
export function hostEnvironment(environment: Environment): SettingsEnvironment {
  const system = hostSystem();
  const isLinux = process.platform === 'linux';
  return {
    platform: isLinux ? 'linux' : 'darwin',
    system,
    get extraPlatforms() {
      return system === 'x86_64-linux' ? ['i686-linux', ...x86Levels()] : [];
    },
    get systemFeatures() {
      const kvm = canUseKvm() ? ['kvm'] : [];
      return ['benchmark', 'big-parallel', ...kvm, 'nixos-test', ...(isLinux ? ['uid-range'] : [])];
    },
    cores: availableParallelism(),
    isRoot: process.getuid?.() === 0,
    confDir: environment.confDir,
    store: environment.remote ?? 'auto',
    get sslCertFile() {
      return environment.sslCertFile ?? bundledCertificates.find(path => existsSync(path));
    },
    nixPath: environment.nixPath ?? [],
    get sandboxShell() {
      return isLinux ? findSandboxShell() : undefined;
    },
    // Where nobody chooses, everything is enabled.
    experimentalFeatures: new Set(experimentalFeatures),
  };
}

const machines: { readonly [arch: string]: string } = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' };

/** The platform that this process runs on, in Nix's words: `x86_64-linux`. */
function hostSystem(): string {
  return `${machines[process.arch] ?? process.arch}-${process.platform}`;
}

const bundledCertificates = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt',
];

function canUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The processor flags, as Linux names them, that each micro-architecture level of x86-64 adds to the one before. */
const levelFlags: readonly string[][] = [
  [],
  ['cx16', 'lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3'],
  ['abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave'],
  ['avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl'],
];

/** `x86_64-v1-linux` up to what the processor can do. */
function x86Levels(): string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readStart('/proc/cpuinfo'))?.[1]?.split(' '));
  const levels: string[] = [];
  for (const [at, needed] of levelFlags.entries()) {
    if (!needed.every(flag => flags.has(flag))) break;
    levels.push(`x86_64-v${at + 1}-linux`);
  }
  return levels;
}

/** The first 8 KiB, which hold the first processor: machines with hundreds of them have hundreds of such entries. */
function readStart(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(8192);
      return buffer.toString('latin1', 0, readSync(fd, buffer));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
