import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';

/**
 * Kills the children of this process but those of `known`: processes that left their session and whose parents have ended.
 */
export function killOrphans(known: readonly number[]): void {
  for (const child of childrenOf(process.pid)) {
    if (known.includes(child)) continue;
    killQuietly(child, 'SIGKILL');
  }
}

/** Does nothing if there is no such process any more. */
export function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    // Some kernels lack that file.
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name) && parentOf(name) === pid)
      .map(Number);
  }
}

function parentOf(pid: string): number | undefined {
  try {
    // "PID (NAME) STATE PPID …": a name may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
