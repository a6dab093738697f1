import { constants } from 'node:os';
import type { Outcome } from '../../exec/index.ts';

/** The C library's words (strsignal) for what ends programs. */
const descriptions: { readonly [Name in NodeJS.Signals]?: string } = {
  SIGHUP: 'Hangup',
  SIGINT: 'Interrupt',
  SIGQUIT: 'Quit',
  SIGILL: 'Illegal instruction',
  SIGTRAP: 'Trace/breakpoint trap',
  SIGABRT: 'Aborted',
  SIGBUS: 'Bus error',
  SIGFPE: 'Floating point exception',
  SIGKILL: 'Killed',
  SIGUSR1: 'User defined signal 1',
  SIGSEGV: 'Segmentation fault',
  SIGUSR2: 'User defined signal 2',
  SIGPIPE: 'Broken pipe',
  SIGALRM: 'Alarm clock',
  SIGTERM: 'Terminated',
  SIGSTKFLT: 'Stack fault',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'File size limit exceeded',
  SIGVTALRM: 'Virtual timer expired',
  SIGPROF: 'Profiling timer expired',
  SIGIO: 'I/O possible',
  SIGPWR: 'Power failure',
  SIGSYS: 'Bad system call',
};

/** How a process ended, for what comes after its name: `failed with exit code 1`. */
export function exitText(outcome: Extract<Outcome, { kind: 'exited' | 'killed' }>): string {
  if (outcome.kind === 'exited') {
    return outcome.status === 0 ? 'succeeded' : `failed with exit code ${outcome.status}`;
  }
  const number = constants.signals[outcome.signal];
  return `failed due to signal ${number} (${descriptions[outcome.signal] ?? `Unknown signal ${number}`})`;
}
