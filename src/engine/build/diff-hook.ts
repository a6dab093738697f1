import { type Reporter, byteStringOf, displayBytes, messageOf } from '../../base/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { EngineError } from '../error.ts';
import { runHook } from './run-hook.ts';

export interface DiffHook {
  readonly program: string;
  /** What was built before, what now, the derivation, and the folder that the build had. */
  readonly args: readonly [before: string, now: string, derivation: string, folder: string];
  readonly user: UserIds | undefined;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Has a program show how two builds of a derivation differ. That it fails is only reported. */
export async function runDiffHook({ program, args, user, reporter, signal }: DiffHook): Promise<void> {
  const chunks: Uint8Array[] = [];
  try {
    await runHook({
      program,
      args,
      user,
      folder: '/',
      output: chunk => void chunks.push(Uint8Array.from(chunk)),
      signal,
    });
    const text = displayBytes(byteStringOf(Buffer.concat(chunks))).trimEnd();
    if (text !== '') reporter.log('error', text);
  } catch (error) {
    signal.throwIfAborted();
    const message = `diff hook execution failed: ${messageOf(error)}`;
    reporter.logError(new EngineError('build/hook-failed', message, { cause: error }));
  }
}
