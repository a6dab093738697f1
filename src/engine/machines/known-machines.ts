import { displayBytes, magenta, normal } from '../../base/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { BuildOptions } from '../build/derivation-builder.ts';
import { describeNoMachine } from './describe-no-machine.ts';
import type { BuildPlace, Elsewhere, ElsewhereRequest } from './elsewhere.ts';
import type { MachinePool } from './machine-pool.ts';
import { machineTaker } from './machine-taker.ts';

/** The machines that settings name. */
export class KnownMachines implements Elsewhere {
  readonly #store: Store;
  readonly #machines: MachinePool;

  /** Takes over the pool. */
  constructor(store: Store, machines: MachinePool) {
    this.#store = store;
    this.#machines = machines;
  }

  get isEmpty(): boolean {
    return this.#machines.machines.length === 0;
  }

  async choose(request: ElsewhereRequest, options: BuildOptions): Promise<BuildPlace> {
    const { job, needs, canBuildHere } = request;
    const place = await this.#find(request, options);
    if (place.kind === 'nowhere') {
      const { machines } = this.#machines;
      options.reporter.log(canBuildHere ? 'chatty' : 'warn', () => describeNoMachine(job.path, needs, machines));
    }
    return place;
  }

  async #find(
    { job, needs, canBuildHere }: ElsewhereRequest,
    { signal, slots, reporter, weight }: BuildOptions,
  ): Promise<BuildPlace> {
    const machines = this.#machines;
    const found = machines.tryAcquire(needs);
    if (found === 'none') return { kind: 'nowhere' };
    if (found !== 'busy') return { kind: 'elsewhere', taker: machineTaker(found) };
    if (canBuildHere && slots.hasFree) return { kind: 'here' };
    const printed = displayBytes(printStorePath(this.#store.storeDir, job.path));
    using _waiting = reporter.startActivity({
      type: 'buildWaiting',
      level: 'warn',
      text: `waiting for a machine to build '${magenta}${printed}${normal}'`,
    });
    // Whichever comes first; what comes second all the same is given back.
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const taker = machines
      .acquire({ needs, weight, signal: both })
      .then(lease => (lease === undefined ? undefined : machineTaker(lease)));
    const slot = canBuildHere ? slots.acquire(both) : undefined;
    let place: BuildPlace | undefined;
    try {
      place = await Promise.race([
        taker.then((got): BuildPlace => (got === undefined ? { kind: 'nowhere' } : { kind: 'elsewhere', taker: got })),
        ...(slot === undefined ? [] : [slot.then((got): BuildPlace => ({ kind: 'here', slot: got }))]),
      ]);
      return place;
    } finally {
      stop.abort(new Error('there is another place to build at'));
      const late: (Disposable | undefined)[] = await Promise.all([
        taker.catch(() => undefined),
        slot?.catch(() => undefined),
      ]);
      for (const each of late) if (each !== undefined && !isTaken(place, each)) each[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machines[Symbol.asyncDispose]();
  }
}

function isTaken(place: BuildPlace | undefined, resource: Disposable): boolean {
  if (place?.kind === 'elsewhere') return place.taker === resource;
  return place?.kind === 'here' && place.slot === resource;
}
