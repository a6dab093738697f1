import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, parseMountTable, systemErrorText } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { EngineError } from '../error.ts';

export interface ControlGroupOptions {
  /** Whom the group belongs to, if not us: it is named after the user then. */
  readonly owner: UserIds | undefined;
  readonly dataFolder: string;
  /** Where mounts are listed and where this process is, for tests. */
  readonly proc?: string;
}

/** In microseconds. */
export interface ControlGroupUsage {
  readonly cpuUser: bigint;
  readonly cpuSystem: bigint;
}

let serial = 0;

/** What processes of a group that were killed are waited for, in milliseconds, and between two looks. */
const patience = 10_000;
const pollInterval = 5;

/**
 * The control group of a build (cgroups(7), version 2), below the one that we are in: nothing that the builder starts gets
 * out of it, and it tells what all of that took. Gone at disposal, with every process in it.
 */
export class ControlGroup implements AsyncDisposable {
  /** Of this machine. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Throws `build/no-control-group`. */
  static async make({ owner, dataFolder, proc = '/proc' }: ControlGroupOptions): Promise<ControlGroup> {
    const parent = findOwnGroup(proc);
    const name = owner === undefined ? `pid-${process.pid}-${serial++}` : `uid-${owner.user}`;
    const folder = join(parent, `nix-build-${name}`);
    // Of somebody who was killed while builds ran as this user, which are told by it alone.
    if (owner !== undefined) await removeRecorded(join(dataFolder, 'cgroups'), { owner, folder });
    try {
      mkdirSync(folder, 0o755);
      if (owner !== undefined)
        for (const file of ['.', 'cgroup.procs', 'cgroup.threads'])
          chownSync(join(folder, file), owner.user, owner.group);
    } catch (cause) {
      const message = `creating cgroup "${folder}": ${systemErrorText(cause)} (builds are put into one by 'use-cgroups')`;
      throw new EngineError('build/no-control-group', message, { cause });
    }
    return new ControlGroup(folder);
  }

  /** Of all that is or was in it; undefined where the kernel does not count it. */
  get usage(): ControlGroupUsage | undefined {
    const text = readFileSync(join(this.folder, 'cpu.stat'), 'latin1');
    const [user, system] = ['user_usec', 'system_usec'].map(
      name => new RegExp(`^${name} ([0-9]+)$`, 'm').exec(text)?.[1],
    );
    return user === undefined || system === undefined
      ? undefined
      : { cpuUser: BigInt(user), cpuSystem: BigInt(system) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return destroyGroup(this.folder);
  }
}

/** The group that this process is in. Throws `build/no-control-group`. */
function findOwnGroup(proc: string): string {
  const mounts = parseMountTable(readFileSync(join(proc, 'self/mounts'), 'utf8'));
  const at = mounts.find(({ type }) => type === 'cgroup2')?.place;
  if (at === undefined) {
    const wayOut = "mount one ('mount -t cgroup2 none /sys/fs/cgroup'), or set 'use-cgroups' to false";
    throw new EngineError('build/no-control-group', `cannot determine the cgroups file system: ${wayOut}`);
  }
  const own = /^0::(.*)$/m.exec(readFileSync(join(proc, 'self/cgroup'), 'utf8'))?.[1];
  if (own === undefined) {
    const message = `cannot determine cgroup name from ${proc}/self/cgroup`;
    throw new EngineError('build/no-control-group', message);
  }
  const group = join(at, own);
  if (existsSync(group)) return group;
  throw new EngineError('build/no-control-group', `expected cgroup directory "${group}"`);
}

/** Removes the group that was last used for a user, and notes the one that is now. */
async function removeRecorded(
  records: string,
  { owner, folder }: { readonly owner: UserIds; readonly folder: string },
): Promise<void> {
  makeFolder(realFileSystem, records);
  const record = join(records, String(owner.user));
  if (existsSync(record)) await destroyGroup(readFileSync(record, 'utf8'));
  writeFileSync(record, folder);
}

/** Kills what is in a group, and removes it with those below it; nothing where there is none. */
async function destroyGroup(folder: string): Promise<void> {
  if (!existsSync(join(folder, 'cgroup.procs'))) return;
  const kill = join(folder, 'cgroup.kill');
  if (existsSync(kill)) writeFileSync(kill, '1');
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await destroyGroup(join(folder, entry.name));
  const end = performance.now() + patience;
  for (;;) {
    for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean))
      killProcess(pid);
    try {
      rmdirSync(folder);
      return;
    } catch (cause) {
      if (errnoOf(cause) !== 'EBUSY' || performance.now() > end) {
        const message = `deleting cgroup "${folder}": ${systemErrorText(cause)}`;
        throw new EngineError('build/no-control-group', message, { cause });
      }
    }
    await delay(pollInterval);
  }
}

function killProcess(pid: string): void {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}
