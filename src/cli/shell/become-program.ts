import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { errnoOf, lowerLimit, restoreSignals, systemErrorText } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { Variables } from './environment-flags.ts';
import { storeNamespace } from './store-namespace.ts';

/** A program to run in place of this one. */
export interface Program {
  /** A path, or a name that is looked up in the folders of its PATH. */
  readonly file: string;
  /** With the name that it is called by at the front. */
  readonly args: readonly string[];
  readonly environment: Variables;
}

/** Where a store's programs are to run. */
export interface ProgramPlace {
  readonly storeDir: string;
  /** Where the store is on this machine, if not where its paths say. */
  readonly realStoreDir: string | undefined;
}

/** Throws `shell/not-local` where the store's paths are not on this machine. */
export function placeOfStore(store: Store): ProgramPlace {
  const { storeDir, realStoreDir } = store;
  if (realStoreDir === undefined) {
    const message = `store '${store.uri}' is not a local store so it does not support command execution`;
    throw new CliError('shell/not-local', message);
  }
  return { storeDir, realStoreDir: realStoreDir === storeDir ? undefined : realStoreDir };
}

/** What the soft limit of the stack is on most systems; the launcher raises it for deep evaluations. */
const usualStack = 8n << 20n;

/**
 * Ends this program and runs another in its place, with its process id and descriptors. Where the store is not where its
 * paths say, that program sees it there all the same. All stores must be closed. Throws `shell/not-executable`,
 * `shell/no-namespace`.
 */
export async function becomeProgram(context: CommandContext, place: ProgramPlace, program: Program): Promise<never> {
  const { realStoreDir, storeDir } = place;
  const { file, args } =
    realStoreDir === undefined ? locate(program) : storeNamespace({ storeDir, realStoreDir }, program);
  context.log.stopProgress();
  context.out.flush();
  await context.resources.disposeAsync();
  restoreSignals();
  lowerLimit('stack', usualStack);
  process.execve?.(file, [...args], { ...program.environment });
  throw new CliError('shell/not-executable', `unable to execute '${program.file}': this Node cannot do that`);
}

/** As execvp(3): what is no program of the system is a script of /bin/sh. */
function locate({ file, args, environment }: Program): Pick<Program, 'file' | 'args'> {
  const found = findProgram(file, environment);
  if (found === undefined) {
    throw new CliError('shell/not-executable', `unable to execute '${file}': No such file or directory`);
  }
  const start = readStart(found);
  if (start.startsWith('\x7fELF')) return { file: found, args };
  const [, interpreter] = /^#!\s*(\S+)/.exec(start) ?? [];
  if (interpreter === undefined) return { file: '/bin/sh', args: ['/bin/sh', found, ...args.slice(1)] };
  requireExecutable(interpreter, found);
  return { file: found, args };
}

/** Where execvp(3) would find a program: a name without slashes is looked up in the folders of PATH. */
export function findProgram(name: string, { PATH = '/bin:/usr/bin' }: Variables): string | undefined {
  if (name.includes('/')) return name;
  for (const folder of PATH.split(':')) {
    const candidate = `${folder === '' ? '.' : folder}/${name}`;
    try {
      if (statSync(candidate).isFile()) {
        accessSync(candidate, constants.X_OK);
        return candidate;
      }
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
  return undefined;
}

/** The first bytes of a program, as Latin-1. Throws `shell/not-executable`. */
function readStart(file: string): string {
  requireExecutable(file, file);
  try {
    const fd = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(256);
      return buffer.toString('latin1', 0, readSync(fd, buffer));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    // Programs may be executable and not readable.
    if (errnoOf(cause) === 'EACCES') return '\x7fELF';
    throw notExecutable(file, cause);
  }
}

function requireExecutable(file: string, named: string): void {
  try {
    accessSync(file, constants.X_OK);
  } catch (cause) {
    throw notExecutable(named, cause);
  }
}

function notExecutable(file: string, cause: unknown): CliError {
  const message = `unable to execute '${file}': ${systemErrorText(cause)}`;
  return new CliError('shell/not-executable', message, { cause });
}
