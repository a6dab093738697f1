import { setTimeout as delay } from 'node:timers/promises';
import { Semaphore, displayBytes, magenta, normal, unreachable } from '../../base/index.ts';
import { type StoreDir, printStorePath } from '../../nix-compat/index.ts';
import type { BuildOptions } from '../build/derivation-builder.ts';
import type { BuildHook, HookReply } from './build-hook.ts';
import { BuilderFailedElsewhere, type BuildTaker } from './build-taker.ts';
import type { BuildPlace, Elsewhere, ElsewhereRequest } from './elsewhere.ts';

export interface HookElsewhereOptions {
  readonly storeDir: StoreDir;
  readonly start: () => Promise<BuildHook>;
  /** In milliseconds: how often a hook is asked again that has put us off. */
  readonly pollInterval: number;
}

/** Milliseconds after which a hook is asked again for the first time. */
const firstLook = 100;

/** What the program of the setting `build-hook` finds: it is asked of one build after the other, until it takes one. */
export class HookElsewhere implements Elsewhere {
  readonly #options: HookElsewhereOptions;
  readonly #turn = new Semaphore(1);
  #hook: BuildHook | undefined;
  #isOver = false;

  constructor(options: HookElsewhereOptions) {
    this.#options = options;
  }

  /** Once it has declined for good. */
  get isEmpty(): boolean {
    return this.#isOver;
  }

  async choose(request: ElsewhereRequest, options: BuildOptions): Promise<BuildPlace> {
    const first = await this.#ask(request, options);
    if (first !== 'postponed') return first;
    const { signal, reporter } = options;
    const printed = displayBytes(printStorePath(this.#options.storeDir, request.job.path));
    using _waiting = reporter.startActivity({
      type: 'buildWaiting',
      level: 'warn',
      text: `waiting for a machine to build '${magenta}${printed}${normal}'`,
    });
    for (let patience = firstLook; ; patience = Math.min(2 * patience, this.#options.pollInterval)) {
      await delay(patience, undefined, { signal });
      const place = await this.#ask(request, options);
      if (place !== 'postponed') return place;
    }
  }

  async #ask(
    { job, needs }: ElsewhereRequest,
    { slots, reporter, signal }: BuildOptions,
  ): Promise<BuildPlace | 'postponed'> {
    using _turn = await this.#turn.acquire(signal);
    if (this.#isOver) return { kind: 'nowhere' };
    const hook = (this.#hook ??= await this.#options.start());
    let reply: HookReply | undefined;
    try {
      reply = await hook.ask({ path: job.path, needs, isWilling: slots.hasFree }, { reporter, signal });
    } finally {
      // It has its work, or is of no use any more.
      if (reply?.kind !== 'decline' && reply?.kind !== 'postpone') this.#hook = undefined;
      if (reply?.kind !== 'decline' && reply?.kind !== 'postpone' && reply?.kind !== 'accept') {
        await hook[Symbol.asyncDispose]();
      }
    }
    switch (reply.kind) {
      case 'postpone':
        return 'postponed';
      case 'accept':
        return { kind: 'elsewhere', taker: hookTaker(hook, reply.machine) };
      case 'decline-permanently':
        this.#isOver = true;
        return { kind: 'nowhere' };
      case 'decline':
      case 'died':
        return { kind: 'nowhere' };
      default:
        return unreachable(reply);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hook?.[Symbol.asyncDispose]();
  }
}

/** A hook that has taken a build. It makes outputs valid itself, and says what they are by realisations. */
function hookTaker(hook: BuildHook, machine: string): BuildTaker {
  return {
    uri: machine,
    begin: () =>
      Promise.resolve({
        passLogTo: write => hook.passLogTo(write),
        run: async ({ inputs, wanted }, progress) => {
          const end = await hook.run({ inputs, wanted }, progress);
          if (end !== undefined)
            throw new BuilderFailedElsewhere(end, {
              code: 'machine/hook-failed',
              who: `the build hook, which builds on '${machine}',`,
            });
          return new Map();
        },
        finishLog: () => Promise.resolve(),
        end: () => hook[Symbol.asyncDispose](),
        noteLoss: () => undefined,
      }),
    [Symbol.dispose]: () => hook.kill(),
  };
}
