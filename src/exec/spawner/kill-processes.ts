import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../base/index.ts';

/**
 * Kills the children of this process but those of `known`: processes that left their session and whose parents have ended.
 * How many there were.
 */
export function killOrphans(known: ReadonlySet<number | undefined>): number {
  const orphans = childrenOf(process.pid).filter(child => !known.has(child));
  for (const orphan of orphans) killQuietly(orphan, 'SIGKILL');
  return orphans.length;
}

/** Does nothing if there is no such process any more, or only ones that became others' by setuid programs. */
export function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH' && errnoOf(error) !== 'EPERM') throw error;
  }
}

/** Kills a process group that is not of our children, and waits until it is gone; for a second at most. */
export async function killGroup(group: number): Promise<void> {
  killQuietly(-group, 'SIGKILL');
  for (let turn = 0; turn < 200 && isAlive(-group); turn++) await delay(5);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
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
