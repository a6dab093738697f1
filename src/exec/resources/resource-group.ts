import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, systemErrorText } from '../../base/index.ts';
import type { Resources } from '../action.ts';
import { ExecError } from '../error.ts';
import type { ReachedLimit } from '../outcome.ts';
import { type ControllerPlace, type Controllers } from './find-controllers.ts';

/** Processes that were killed are waited for so long, in milliseconds, and looked at so often. */
const patience = 10_000;
const pollInterval = 5;

/** Microseconds in which processor time is counted. */
const period = 100_000;

/** What a file of a controller is to say. The second is of version 1. */
interface Setting {
  readonly unified: readonly [file: string, value: string];
  readonly legacy: readonly [file: string, value: string];
  /** Whether the kernel may lack it. */
  readonly optional?: boolean;
}

let serial = 0;

/**
 * Control groups (cgroups(7), version 1 or 2) of one action, with limits to what its processes may take together. Gone at
 * disposal, when no process is left in them.
 */
export class ResourceGroup implements AsyncDisposable {
  /** Of this machine, to put processes into. */
  readonly folders: readonly string[];
  readonly #places: ReadonlyMap<keyof Controllers, ControllerPlace>;

  private constructor(places: ReadonlyMap<keyof Controllers, ControllerPlace>) {
    this.#places = places;
    this.folders = [...new Set(Array.from(places.values(), ({ folder }) => folder))];
  }

  /** Throws `exec/no-resources` where this machine cannot limit what is to be limited. */
  static make(resources: Resources, controllers: Controllers): ResourceGroup {
    const name = `firn-${process.pid}-${serial++}`;
    const places = new Map<keyof Controllers, ControllerPlace>();
    try {
      for (const [controller, settings] of settingsOf(resources)) {
        const parent = controllers[controller];
        if (parent === undefined) throw noController(controller);
        removeLeftovers(parent.folder);
        const place = { ...parent, folder: join(parent.folder, name) };
        if (!existsSync(place.folder)) mkdirSync(place.folder);
        places.set(controller, place);
        for (const setting of settings) apply(place, setting);
      }
    } catch (error) {
      for (const folder of new Set(Array.from(places.values(), place => place.folder))) rmdirSync(folder);
      if (error instanceof ExecError || errnoOf(error) === undefined) throw error;
      const message = `cannot limit what an action takes by control groups: ${systemErrorText(error)}`;
      throw new ExecError('exec/no-resources', message, { cause: error });
    }
    return new ResourceGroup(places);
  }

  /** Limits that the kernel kept processes from exceeding: one was killed, or could not be started. */
  reached(): ReachedLimit[] {
    const reached: ReachedLimit[] = [];
    const memory = this.#places.get('memory');
    const memoryEvents = memory?.version === 1 ? 'memory.oom_control' : 'memory.events';
    if (memory !== undefined && countOf(join(memory.folder, memoryEvents), 'oom_kill') > 0) reached.push('memory');
    const pids = this.#places.get('pids');
    if (pids !== undefined && countOf(join(pids.folder, 'pids.events'), 'max') > 0) reached.push('processes');
    return reached;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const folder of this.folders) {
      await removeGroup(folder);
      removeLeftovers(dirname(folder));
    }
  }
}

function settingsOf({ memory, processes, processors }: Resources): (readonly [keyof Controllers, Setting[]])[] {
  const all: (readonly [keyof Controllers, Setting[]])[] = [];
  if (memory !== undefined) {
    const bytes = String(memory);
    all.push([
      'memory',
      [
        { unified: ['memory.max', bytes], legacy: ['memory.limit_in_bytes', bytes] },
        // What is swapped out would not count; not all kernels count it.
        { unified: ['memory.swap.max', '0'], legacy: ['memory.memsw.limit_in_bytes', bytes], optional: true },
      ],
    ]);
  }
  if (processes !== undefined) {
    const max = ['pids.max', String(processes)] as const;
    all.push(['pids', [{ unified: max, legacy: max }]]);
  }
  if (processors !== undefined) {
    const quota = String(Math.max(1000, Math.round(processors * period)));
    const settings: Setting[] = [{ unified: ['cpu.max', `${quota} ${period}`], legacy: ['cpu.cfs_quota_us', quota] }];
    all.push(['cpu', settings]);
  }
  return all;
}

function apply({ folder, version }: ControllerPlace, { unified, legacy, optional = false }: Setting): void {
  const [file, value] = version === 1 ? legacy : unified;
  const path = join(folder, file);
  if (optional && !existsSync(path)) return;
  // Not made where it is not: a folder that is no control group would take anything.
  const fd = openSync(path, 'r+');
  try {
    writeFileSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

function countOf(file: string, name: string): number {
  try {
    return Number(new RegExp(`^${name} ([0-9]+)$`, 'm').exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
  } catch {
    // A kernel that does not tell.
    return 0;
  }
}

function noController(name: string): ExecError {
  const wayOut = 'let it have control groups of its own (as root, or delegated by systemd: Delegate=yes)';
  return new ExecError('exec/no-resources', `this machine gives Firn no control groups of '${name}': ${wayOut}`);
}

/** Where nothing is left of dead processes. */
const cleared = new Set<string>();

/**
 * Groups of processes that were killed: looked for until none is left, since whoever was in them ends somewhat later. One that
 * is not ours to remove keeps it being looked for.
 */
function removeLeftovers(parent: string): void {
  if (cleared.has(parent)) return;
  let isClear = true;
  for (const name of readdirSync(parent)) {
    const [, pid] = /^firn-([1-9][0-9]*)-[0-9]+$/.exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      rmdirSync(join(parent, name));
    } catch (error) {
      // Another process may have been faster.
      if (errnoOf(error) !== 'ENOENT') isClear = false;
    }
  }
  if (isClear) cleared.add(parent);
}

async function removeGroup(folder: string): Promise<void> {
  const end = performance.now() + patience;
  for (;;) {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
      rmdirSync(folder);
      return;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return;
      if (errnoOf(cause) !== 'EBUSY' || performance.now() > end)
        throw new ExecError('exec/no-resources', `cannot remove '${folder}': ${systemErrorText(cause)}`, { cause });
    }
    await delay(pollInterval);
  }
}
