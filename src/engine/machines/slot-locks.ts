import { closeSync, futimesSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { type Machine, hashBytes, formatHash, machineUri } from '../../nix-compat/index.ts';

/** In bytes: what file systems take for a name, less what is put behind a URI. */
const maxName = 230;

/** What is found of a machine's slots. */
export interface SlotProbe {
  /** How many are taken, by whichever process. */
  readonly load: number;
  /** One that was free, and is ours until disposed of. */
  readonly free: Disposable | undefined;
}

/**
 * Which slots of machines are taken: an flock each on files of a folder (`current-load`), so that processes that know
 * nothing of each other, C++ Nix's too, do not give a machine more than it takes. A process that dies gives its slots back.
 */
export class SlotLocks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes a slot if one is free. Throws the system's errors. */
  probe(machine: Machine): SlotProbe {
    makeFolder(realFileSystem, this.#folder);
    let load = 0;
    let free: Disposable | undefined;
    for (let slot = 0; slot < machine.maxJobs; slot++) {
      const lock = this.#tryLock(`${lockName(machineUri(machine))}-${slot}`);
      if (lock === undefined) load++;
      else if (free === undefined) free = lock;
      else lock[Symbol.dispose]();
    }
    return { load, free };
  }

  /** Locks what several processes would send to a machine twice; gives up after `patience` milliseconds. */
  async lockUploads(machine: Machine, patience: number, signal: AbortSignal): Promise<Disposable | undefined> {
    makeFolder(realFileSystem, this.#folder);
    const end = performance.now() + patience;
    for (let wait = 10; ; wait = Math.min(wait * 2, 500)) {
      const lock = this.#tryLock(`${lockName(machineUri(machine))}.upload-lock`);
      if (lock !== undefined || performance.now() > end) return lock;
      await delay(wait, undefined, { signal });
    }
  }

  #tryLock(name: string): Disposable | undefined {
    const fd = openSync(join(this.#folder, name), 'a', 0o600);
    let isOurs = false;
    try {
      isOurs = tryLockFile(fd, 'exclusive');
      if (!isOurs) return undefined;
      const now = new Date();
      futimesSync(fd, now, now);
    } finally {
      if (!isOurs) closeSync(fd);
    }
    let isOpen = true;
    return {
      [Symbol.dispose]: () => {
        if (isOpen) closeSync(fd);
        isOpen = false;
      },
    };
  }
}

/** As C++ Nix names the files; names that are too long for that are hashed. */
function lockName(uri: string): string {
  const name = uri.replaceAll('/', '_');
  if (Buffer.byteLength(name) <= maxName) return name;
  return formatHash(hashBytes('sha256', Buffer.from(uri)), 'nix32');
}
