import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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
    env: ownEnvironment(env),
    maxBuffer: 256 * 1024 * 1024,
  });
  // A program may end without having read all of its input.
  if (result.error !== undefined && errnoOf(result.error) !== 'EPIPE') throw result.error;
  const { status, signal, stdout, stderr } = result;
  return { status, signal, stdout, stderr: stderr === null ? '' : stderr.toString('utf8') };
}

/** As `runCli`, without input and beside others. */
export async function startCli(
  program: string,
  args: readonly string[],
  { env, cwd }: Pick<CliOptions, 'env' | 'cwd'> = {},
): Promise<CliResult> {
  const child = spawn(join(binDir, program), args, {
    cwd,
    env: ownEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  await once(child, 'close');
  const { exitCode: status, signalCode: signal } = child;
  return { status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') };
}

/** Of programs that are to know nothing of this machine's configuration. */
export function ownEnvironment(env: CliOptions['env']): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    NIX_CONF_DIR: '/nonexistent',
    NIX_USER_CONF_FILES: '',
    ...env,
  };
}
