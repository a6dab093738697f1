import type { Reporter } from '../../base/index.ts';
import { type FlakeRef, type FlakeToCall, parseFlakeRef } from '../../eval/index.ts';
import type { Flake } from './flake.ts';
import { getFlake } from './get-flake.ts';
import { type InputSources, InputTrees, type MountedInput } from './input-trees.ts';
import { type LockFlags, defaultLockFlags } from './lock-flags.ts';
import { type FlakeLocking, type FlakeSettings, type LockedFlake, flakeToCall, lockFlake } from './lock-flake.ts';
import type { RegistryUse } from './registries.ts';

export interface FlakesOptions extends InputSources {
  /** Has settings of a flake come into force, as far as they may. */
  readonly applyConfig: (config: Flake['config']) => void;
  readonly settings: FlakeSettings;
  /** Called where the same files and trees may make another flake the next time: lock files change, something fails. */
  readonly onUncertain: () => void;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The flakes that an evaluation meets. Nothing of this may be asked for while a pass of the evaluation goes on.
 *
 *     const locked = await flakes.lock(reference, defaultLockFlags);
 *     const value = callFlake(evaluator, flakes.toCall(locked));
 */
export class Flakes {
  readonly #options: FlakesOptions;
  readonly #locking: FlakeLocking;

  constructor(options: FlakesOptions) {
    this.#options = options;
    const { settings, onUncertain, reporter, signal, applyConfig } = options;
    const trees = new InputTrees(options);
    this.#locking = { sources: options, trees, settings, onUncertain, reporter, signal, applyConfig };
  }

  /** As `lockFlake`. */
  async lock(reference: FlakeRef, flags: LockFlags = defaultLockFlags): Promise<LockedFlake> {
    try {
      return await lockFlake(this.#locking, reference, flags);
    } catch (error) {
      this.#options.onUncertain();
      throw error;
    }
  }

  /** What `flake.nix` says, without what its inputs are. Throws `eval/…`. */
  read(reference: FlakeRef, use: RegistryUse = 'all'): Promise<Flake> {
    return getFlake(this.#locking, reference, { use });
  }

  /** A tree, whether or not it has a flake. Throws `eval/…`. */
  fetch(reference: FlakeRef, use: RegistryUse = 'all'): Promise<MountedInput> {
    return this.#locking.trees.mount(reference, use);
  }

  toCall(locked: LockedFlake): FlakeToCall {
    return flakeToCall(this.#locking, locked);
  }

  /** What `builtins.getFlake` gets: nothing is written. */
  async getForExpression(text: string): Promise<FlakeToCall> {
    const isPure = this.#options.evaluator.access?.purity === 'pure';
    const locked = await this.lock(parseFlakeRef(text), {
      ...defaultLockFlags,
      updates: false,
      writes: false,
      usesRegistries: !isPure && this.#options.settings.usesRegistries,
      allowsUnlocked: !isPure,
    });
    return this.toCall(locked);
  }

  /** Has everything be fetched anew: it may have changed. */
  forget(): void {
    this.#locking.trees.forget();
  }
}
