import { spawn } from 'node:child_process';
import { systemErrorText } from '../../base/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { EngineError } from '../error.ts';
import { exitText } from './exit-text.ts';

/** A program that an administrator has run around builds. It is trusted, and its standard input is empty. */
export interface Hook {
  /** Looked up in PATH if it has no slash. */
  readonly program: string;
  readonly args: readonly string[];
  /** Ours unless given. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** Whom it runs as, if not as we do. */
  readonly user?: UserIds | undefined;
  /** Where it runs, if not where we do. */
  readonly folder?: string;
  /** Whether `output` gets what it writes to standard error, too, which else goes to ours. */
  readonly mergesErrors?: boolean;
  /** Gets what it writes, as it comes; a chunk is lent until the call returns. */
  readonly output: (chunk: Uint8Array) => void;
  readonly signal: AbortSignal;
}

/** Throws `build/hook-failed`, or the signal's reason; the process has ended then. */
export async function runHook(hook: Hook): Promise<void> {
  const { program, args, variables, user, folder, output, signal } = hook;
  signal.throwIfAborted();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', hook.mergesErrors === true ? 'pipe' : 'inherit'],
    ...(variables === undefined ? {} : { env: { ...variables } }),
    ...(folder === undefined ? {} : { cwd: folder }),
    ...(user === undefined ? {} : { uid: user.user, gid: user.group }),
  });
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  child.stdout?.on('data', output);
  child.stderr?.on('data', output);
  try {
    const failure = await new Promise<string | undefined>(resolve => {
      child.once('error', error => resolve(`cannot be executed: ${systemErrorText(error)}`));
      child.once('close', (status, killer) => {
        if (killer !== null) resolve(exitText({ kind: 'killed', signal: killer }));
        else resolve(status === 0 ? undefined : exitText({ kind: 'exited', status: status ?? 0 }));
      });
    });
    signal.throwIfAborted();
    if (failure !== undefined) throw new EngineError('build/hook-failed', `program "${program}" ${failure}`);
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
