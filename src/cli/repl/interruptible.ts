import { Script, createContext } from 'node:vm';
import { CliError } from '../error.ts';

interface Box {
  work: () => void;
}

const box: Box = { work: () => undefined };
let script: Script | undefined;
let context: ReturnType<typeof createContext> | undefined;

/**
 * Does `work`, which Ctrl-C ends: then it throws `command/interrupted`. Nothing of what was going on gets a chance to
 * clean up, not even `finally`; that is for the caller to do.
 */
export function interruptible<T>(work: () => T): T {
  script ??= new Script('work()');
  context ??= createContext(box);
  let result: { readonly value: T } | undefined;
  const outer = box.work;
  box.work = () => {
    result = { value: work() };
  };
  try {
    script.runInContext(context, { breakOnSigint: true });
  } catch (error) {
    throw isInterruption(error) ? new CliError('command/interrupted', 'interrupted by the user') : error;
  } finally {
    box.work = outer;
  }
  if (result === undefined) throw new CliError('command/interrupted', 'interrupted by the user');
  return result.value;
}

/** It is no instance of our `Error`, but of the script's. */
function isInterruption(error: unknown): boolean {
  const isObject = typeof error === 'object' && error !== null;
  return isObject && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
}
