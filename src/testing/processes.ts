import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';

/** For a script's text: its processes are found by it. */
export function uniqueName(): string {
  return `firn-test-${randomUUID()}`;
}

/** How many processes of this machine have `name` in their arguments. */
export function countProcesses(name: string): number {
  return processesNamed(name).length;
}

/** The processes of this machine that have `name` in their arguments. */
export function processesNamed(name: string): number[] {
  const processes = readdirSync('/proc').filter(entry => /^\d+$/.test(entry));
  return processes.filter(process => argumentsOf(process).includes(name)).map(Number);
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
