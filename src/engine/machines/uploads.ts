import { type Reporter, untilAborted } from '../../base/index.ts';
import { type Machine, type StorePath, machineUri } from '../../nix-compat/index.ts';
import type { SlotLocks } from './slot-locks.ts';

/** Milliseconds that another process gets to send what it is sending. */
const patience = 15 * 60_000;

export interface UploadOptions {
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** Sends paths, closed under references together with what the machine has: those that it lacks. */
  readonly send: (paths: ReadonlySet<StorePath>) => Promise<void>;
}

/**
 * What is on its way to one machine, so that builds that need the same do not send it twice: whoever comes later sends the
 * rest, once the others' is there. Other processes are kept out meanwhile (C++ Nix's "upload lock").
 */
export class Uploads {
  readonly #machine: Machine;
  readonly #locks: SlotLocks;
  readonly #underWay = new Map<StorePath, Promise<boolean>>();
  #lock: { readonly taken: Promise<Disposable | undefined>; readonly stop: AbortController } | undefined;
  #users = 0;

  constructor(machine: Machine, locks: SlotLocks) {
    this.#machine = machine;
    this.#locks = locks;
  }

  /** Resolves when the machine has all of `paths`, a closure. Throws what `send` throws, and the signal's reason. */
  async upload(paths: ReadonlySet<StorePath>, options: UploadOptions): Promise<void> {
    await using _lock = await this.#keepOthersOut(options);
    let wanted = paths;
    while (wanted.size > 0) {
      const others = new Map(
        [...wanted].flatMap(path => {
          const sending = this.#underWay.get(path);
          return sending === undefined ? [] : [[path, sending] as const];
        }),
      );
      const mine = wanted.difference(others);
      const isSent = await this.#send(mine, [...others.values()], options);
      // What others have failed to send is left to us.
      const left = new Set<StorePath>(isSent ? [] : mine);
      for (const [path, sending] of others) if (!(await sending)) left.add(path);
      wanted = left;
    }
  }

  /** What is ours to send may refer to what others send. Nobody waits in a circle: those came before us. */
  async #send(
    mine: ReadonlySet<StorePath>,
    others: readonly Promise<boolean>[],
    options: UploadOptions,
  ): Promise<boolean> {
    if (mine.size === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    for (const path of mine) this.#underWay.set(path, promise);
    let isThere = false;
    try {
      const sent = await Promise.all(others);
      options.signal.throwIfAborted();
      if (sent.includes(false)) return false;
      await options.send(mine);
      isThere = true;
      return true;
    } finally {
      for (const path of mine) this.#underWay.delete(path);
      resolve(isThere);
    }
  }

  /** One lock for all of this process. */
  async #keepOthersOut({ signal, reporter }: UploadOptions): Promise<AsyncDisposable> {
    this.#users++;
    const leave = async () => {
      if (--this.#users > 0) return;
      const lock = this.#lock;
      this.#lock = undefined;
      lock?.stop.abort(new Error('nobody waits for it any more'));
      (await lock?.taken.catch(() => undefined))?.[Symbol.dispose]();
    };
    const uri = machineUri(this.#machine);
    using _waiting = reporter.startActivity({
      type: 'unknown',
      level: 'talkative',
      text: `waiting for the upload lock to '${uri}'`,
    });
    try {
      this.#lock ??= this.#takeLock();
      const lock = await untilAborted(this.#lock.taken, signal);
      if (lock === undefined) {
        reporter.log('error', `somebody is hogging the upload lock for '${uri}', continuing...`);
      }
    } catch (error) {
      await leave();
      throw error;
    }
    return { [Symbol.asyncDispose]: leave };
  }

  /** Who begins to wait may leave; the others go on then. */
  #takeLock() {
    const stop = new AbortController();
    return { taken: this.#locks.lockUploads(this.#machine, patience, stop.signal), stop };
  }
}
