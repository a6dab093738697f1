import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { errnoOf } from '../../src/base/index.ts';

export const binDir = join(import.meta.dirname, '../../bin');

export interface CliResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CliOptions extends Pick<SpawnSyncOptions, 'cwd' | 'input' | 'stdio'> {
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs one of the programs in bin/ with an environment of its own that names no configuration of this machine. */
export function runCli(program: string, args: readonly string[], { env, ...options }: CliOptions = {}): CliResult {
  const result = spawnSync(join(binDir, program), args, {
    ...options,
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      NIX_CONF_DIR: '/nonexistent',
      NIX_USER_CONF_FILES: '',
      ...env,
    },
    maxBuffer: 256 * 1024 * 1024,
  });
  // A program may end without having read all of its input.
  if (result.error !== undefined && errnoOf(result.error) !== 'EPIPE') throw result.error;
  const { status, signal, stdout, stderr } = result;
  return { status, signal, stdout, stderr: stderr === null ? '' : stderr.toString('utf8') };
}
