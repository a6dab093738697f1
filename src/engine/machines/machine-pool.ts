import { type Reporter, messageOf } from '../../base/index.ts';
import { type Machine, machineUri } from '../../nix-compat/index.ts';
import type { BuildSlot } from '../build/derivation-builder.ts';
import type { SlotLocks } from './slot-locks.ts';
import { type BuildNeeds, canTake } from './build-needs.ts';
import { chooseMachine } from './choose-machine.ts';
import type { ConnectToMachine, MachineConnection } from './machine-connection.ts';
import { MachineErrors } from './machine-errors.ts';
import type { MachineHealth } from './machine-health.ts';
import { Uploads } from './uploads.ts';

export interface MachinePoolOptions {
  readonly machines: readonly Machine[];
  readonly connect: ConnectToMachine;
  readonly locks: SlotLocks;
  readonly health: MachineHealth;
  /** In milliseconds: how often slots are looked at that other processes hold. */
  readonly pollInterval: number;
}

/** What a build holds of a machine. */
export interface MachineLease extends BuildSlot, Disposable {
  readonly machine: Machine;
  readonly uri: string;
  readonly uploads: Uploads;
  /** Throws why the machine cannot be reached; it gets no more builds for a while then. */
  connect(options: { readonly signal: AbortSignal; readonly reporter: Reporter }): Promise<LeasedConnection>;
}

export interface LeasedConnection {
  readonly connection: MachineConnection;
  readonly errors: MachineErrors;
  /** To be called once nothing more is done with it; resolves when nothing more comes by it, either. */
  giveBack(isGood: boolean): Promise<void>;
  /** That the machine is gone: it gets no more builds for a while. */
  noteLoss(): void;
}

export interface AcquireOptions {
  readonly needs: BuildNeeds;
  /** Who waits with the largest is served first. */
  readonly weight: number;
  readonly signal: AbortSignal;
}

interface Waiting extends AcquireOptions {
  readonly resolve: (lease: MachineLease | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A build that wants the slot again that it has given away: it waits for nobody but those who have slots. */
interface Returning {
  readonly machine: Machine;
  readonly resolve: (slot: Disposable) => void;
  readonly reject: (error: unknown) => void;
}

interface IdleConnection {
  readonly connection: MachineConnection;
  readonly errors: MachineErrors;
}

/** Milliseconds after which slots are looked at again for the first time. */
const firstLook = 100;

/** The machines that build for a process: who of them is to have the next build, and connections to them. */
export class MachinePool implements AsyncDisposable {
  readonly machines: readonly Machine[];
  readonly #options: MachinePoolOptions;
  readonly #idle = new Map<Machine, IdleConnection[]>();
  readonly #uploads: ReadonlyMap<Machine, Uploads>;
  /** By descending weight; among equals the first is first. */
  readonly #waiting: Waiting[] = [];
  readonly #returning = new Set<Returning>();
  #timer: NodeJS.Timeout | undefined;
  /** In milliseconds, until slots are looked at again. */
  #patience = firstLook;

  constructor(options: MachinePoolOptions) {
    this.machines = options.machines;
    this.#options = options;
    this.#uploads = new Map(options.machines.map(machine => [machine, new Uploads(machine, options.locks)]));
  }

  /** `none`: no machine builds such things; `busy`: not now. Throws the system's errors. */
  tryAcquire(needs: BuildNeeds): MachineLease | 'none' | 'busy' {
    const { locks, health } = this.#options;
    const able = this.machines.filter(
      machine => machine.maxJobs > 0 && canTake(machine, needs) && health.isAlive(machineUri(machine)),
    );
    if (able.length === 0) return 'none';
    const candidates = able.flatMap(machine => {
      const { load, free } = locks.probe(machine);
      return free === undefined ? [] : [{ machine, load, free }];
    });
    const best = chooseMachine(candidates);
    for (const each of candidates) if (each !== best) each.free[Symbol.dispose]();
    return best === undefined ? 'busy' : this.#lease(best.machine, best.free);
  }

  /** Waits for a machine; undefined as soon as there is none any more that could be waited for. */
  acquire(options: AcquireOptions): Promise<MachineLease | undefined> {
    const { signal, weight } = options;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<MachineLease | undefined>();
    const waiting = { ...options, resolve, reject };
    const before = this.#waiting.findIndex(other => other.weight < weight);
    this.#waiting.splice(before < 0 ? this.#waiting.length : before, 0, waiting);
    this.#patience = firstLook;
    const abort = () => {
      this.#remove(waiting);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#serve();
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  /** Gives what is free to those that wait, to builds that go on before those that begin. */
  #serve(): void {
    for (const returning of this.#returning) {
      try {
        const { free } = this.#options.locks.probe(returning.machine);
        if (free === undefined) continue;
        returning.resolve(free);
      } catch (error) {
        returning.reject(error);
      }
      this.#returning.delete(returning);
    }
    // Those that are served leave the list meanwhile.
    for (const waiting of this.#waiting.slice()) {
      try {
        const found = this.tryAcquire(waiting.needs);
        if (found === 'busy') continue;
        this.#remove(waiting);
        waiting.resolve(found === 'none' ? undefined : found);
      } catch (error) {
        this.#remove(waiting);
        waiting.reject(error);
      }
    }
    // Other processes say nothing when they give slots back, and hold those that they look at for a moment.
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0 && this.#returning.size === 0) return;
    const look = () => {
      this.#patience = Math.min(2 * this.#patience, this.#options.pollInterval);
      this.#serve();
    };
    this.#timer = setTimeout(look, this.#returning.size > 0 ? firstLook : this.#patience);
  }

  #remove(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #lease(machine: Machine, slot: Disposable): MachineLease {
    const uploads = this.#uploads.get(machine);
    if (uploads === undefined) throw new TypeError('a machine of another pool');
    let held: Disposable | undefined = slot;
    const giveBack = () => {
      held?.[Symbol.dispose]();
      held = undefined;
      this.#serve();
    };
    const ended = new AbortController();
    // Of the build, once that is known: the one who waited for the lease waits no more.
    let signal = ended.signal;
    return {
      machine,
      uri: machineUri(machine),
      uploads,
      connect: options => {
        signal = AbortSignal.any([options.signal, ended.signal]);
        return this.#connect(machine, options);
      },
      yieldWhile: async wait => {
        giveBack();
        await wait();
        held = await this.#takeBack(machine, signal);
        // It may have ended since the slot was given to it.
        if (!ended.signal.aborted) return;
        giveBack();
        ended.signal.throwIfAborted();
      },
      [Symbol.dispose]: () => {
        ended.abort(new Error('the build has ended'));
        giveBack();
      },
    };
  }

  /** A slot of a machine on which something is built already. */
  async #takeBack(machine: Machine, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const returning = { machine, resolve, reject };
    this.#returning.add(returning);
    const abort = () => {
      this.#returning.delete(returning);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#serve();
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #connect(
    machine: Machine,
    options: { readonly signal: AbortSignal; readonly reporter: Reporter },
  ): Promise<LeasedConnection> {
    const uri = machineUri(machine);
    const noteLoss = () => this.#options.health.noteFailure(uri);
    const { connection, errors } = this.#idle.get(machine)?.pop() ?? (await this.#open(machine, options));
    return {
      connection,
      errors,
      noteLoss,
      giveBack: async isGood => {
        if (!isGood || !connection.isReusable) return connection[Symbol.asyncDispose]();
        errors.passTo(undefined);
        this.#idle.set(machine, [...(this.#idle.get(machine) ?? []), { connection, errors }]);
      },
    };
  }

  async #open(
    machine: Machine,
    { signal, reporter }: { readonly signal: AbortSignal; readonly reporter: Reporter },
  ): Promise<IdleConnection> {
    const uri = machineUri(machine);
    const errors = new MachineErrors();
    using _connecting = reporter.startActivity({
      type: 'unknown',
      level: 'talkative',
      text: `connecting to '${uri}'`,
    });
    try {
      const passOn = (chunk: Uint8Array) => errors.write(chunk);
      const connection = await this.#options.connect(machine, { signal, reporter, errors: passOn });
      return { connection, errors };
    } catch (error) {
      signal.throwIfAborted();
      this.#options.health.noteFailure(uri);
      const said = errors.tail;
      reporter.log('error', `cannot build on '${uri}': ${messageOf(error)}${said === '' ? '' : `: ${said}`}`);
      throw new MachineUnreachable(uri, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    const all = [...this.#idle.values()].flat();
    this.#idle.clear();
    await Promise.all(all.map(({ connection }) => connection[Symbol.asyncDispose]()));
  }
}

/** Thrown where a machine could not be reached, which has been reported: another is to be looked for. */
export class MachineUnreachable extends Error {
  constructor(uri: string, options?: ErrorOptions) {
    super(`cannot build on '${uri}'`, options);
    this.name = 'MachineUnreachable';
  }
}
