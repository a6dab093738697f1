import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

/** What a figure depends on beside the programs; nothing that tells which machine it was. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Over the last minute, before the first run: more than the cores can do makes figures doubtful. */
  readonly load: number;
  readonly revision: string;
  readonly peer?: string;
}

/** `peer` is the folder of its commands. */
export function describeMachine(peer: string | undefined): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    revision: lineOf('git', 'describe', '--always', '--dirty'),
    ...(peer === undefined ? {} : { peer: lineOf(join(peer, 'nix'), '--version') }),
  };
}

function lineOf(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', cwd: import.meta.dirname, stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}
