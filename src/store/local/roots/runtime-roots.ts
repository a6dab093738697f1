import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errnoOf } from '../../../base/index.ts';
import { NixCompatError, type StorePath, parseStorePath } from '../../../nix-compat/index.ts';
import type { StoreRoot } from '../../store.ts';

export interface RuntimeRootsOptions {
  /** Where store paths are said to be and where they are: a process may know either. */
  readonly storeDirs: readonly string[];
  /** `/proc`, or what a test has in its place. */
  readonly procFolder?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Of `maps` and `environ` of one process so many bytes are looked at: both are its own choice. */
const fileLimit = 64 * 1024 * 1024;

/** What `lsof` may say, in bytes. */
const lsofLimit = 256 * 1024 * 1024;

/** Processes between two turns of others on this thread. */
const processesAtOnce = 32;

const kernelFiles = ['sys/kernel/modprobe', 'sys/kernel/fbsplash', 'sys/kernel/poweroff_cmd'];

/**
 * What running processes use of the store, valid or not: their programs, working directories, open and mapped files,
 * and what their environment mentions; also what the kernel would run. Processes that end meanwhile or that may not be
 * looked at are passed over.
 */
export async function findRuntimeRoots(options: RuntimeRootsOptions): Promise<StoreRoot[]> {
  const search = new StorePathSearch(options.storeDirs);
  const proc = options.procFolder ?? '/proc';
  let looked = 0;
  for (const id of readFolder(proc)) {
    if (!/^[0-9]+$/.test(id)) continue;
    lookAtProcess(`${proc}/${id}`, search);
    if (++looked % processesAtOnce !== 0) continue;
    await turn();
    options.signal?.throwIfAborted();
  }
  for (const name of kernelFiles) search.find(readText(`${proc}/${name}`), `${proc}/${name}`);
  // lsof is too slow there for C++ Nix's tests, which tell it so by this variable.
  if (process.platform !== 'linux' && process.env['_NIX_TEST_NO_LSOF'] !== '1') await askLsof(search, options.signal);
  return search.roots;
}

function lookAtProcess(folder: string, search: StorePathSearch): void {
  for (const name of ['exe', 'cwd']) search.take(readLink(`${folder}/${name}`), `${folder}/${name}`);
  for (const fd of readFolder(`${folder}/fd`)) search.take(readLink(`${folder}/fd/${fd}`), `${folder}/fd/${fd}`);
  // A line ends with the file's path; a path that is part of another text is none.
  const maps = readText(`${folder}/maps`);
  if (search.mayOccurIn(maps)) {
    for (const line of maps.split('\n')) search.take(/ (\/\S+)\s*$/.exec(line)?.[1], `${folder}/maps`);
  }
  search.find(readText(`${folder}/environ`), `${folder}/environ`);
}

/** Gathers store paths from paths and texts. */
class StorePathSearch {
  readonly roots: StoreRoot[] = [];
  readonly #prefixes: readonly string[];
  readonly #pattern: RegExp;
  readonly #seen = new Set<string>();

  constructor(storeDirs: readonly string[]) {
    this.#prefixes = [...new Set(storeDirs)].map(dir => `${Buffer.from(dir).toString('latin1')}/`);
    const anyOf = this.#prefixes.map(prefix => RegExp.escape(prefix)).join('|');
    this.#pattern = new RegExp(`(?:${anyOf})([0-9a-z]+[0-9a-zA-Z+\\-._?=]*)`, 'g');
  }

  mayOccurIn(text: string): boolean {
    return this.#prefixes.some(prefix => text.includes(prefix));
  }

  /** `path` if it is in the store. */
  take(path: string | undefined, holder: string): void {
    if (path === undefined) return;
    for (const prefix of this.#prefixes) {
      if (path.startsWith(prefix)) this.#add(path.slice(prefix.length).split('/', 1)[0] ?? '', holder);
    }
  }

  /** Every store path that occurs in `text`. */
  find(text: string, holder: string): void {
    if (!this.mayOccurIn(text)) return;
    for (const [, name = ''] of text.matchAll(this.#pattern)) this.#add(name, holder);
  }

  #add(name: string, holder: string): void {
    const path = parse(name);
    if (path === undefined || this.#seen.has(`${path} ${holder}`)) return;
    this.#seen.add(`${path} ${holder}`);
    this.roots.push({ path, holder });
  }
}

function parse(name: string): StorePath | undefined {
  try {
    return parseStorePath(name);
  } catch (error) {
    if (error instanceof NixCompatError) return undefined;
    throw error;
  }
}

/** The process has ended, belongs to somebody else, or has no such thing (a kernel thread). */
const passedOver = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ESRCH', 'EINVAL', 'EIO', 'ENAMETOOLONG']);

function unlessGone<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (passedOver.has(errnoOf(error) ?? '')) return otherwise;
    throw error;
  }
}

function readFolder(path: string): string[] {
  return unlessGone(() => readdirSync(path), []);
}

function readLink(path: string): string | undefined {
  return unlessGone(() => readlinkSync(path, 'latin1'), undefined);
}

/** These files say that they are empty. */
function readText(path: string): string {
  return unlessGone(() => {
    const fd = openSync(path, 'r');
    try {
      let buffer = Buffer.allocUnsafe(64 * 1024);
      let length = 0;
      for (;;) {
        const count = readSync(fd, buffer, length, buffer.byteLength - length, null);
        length += count;
        if (count === 0 || length >= fileLimit) return buffer.toString('latin1', 0, length);
        if (length === buffer.byteLength) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)]);
      }
    } finally {
      closeSync(fd);
    }
  }, '');
}

async function askLsof(search: StorePathSearch, signal: AbortSignal | undefined): Promise<void> {
  let output: string;
  try {
    const run = promisify(execFile);
    output = (await run('lsof', ['-n', '-w', '-F', 'n'], { encoding: 'latin1', maxBuffer: lsofLimit, signal })).stdout;
  } catch {
    signal?.throwIfAborted();
    return; // Not installed, or it did not like something.
  }
  for (const line of output.split('\n')) if (line.startsWith('n/')) search.take(line.slice(1), '{lsof}');
}
