import { type SourcePosition, unreachable } from '../base/index.ts';
import {
  type BuiltPath,
  type Derivation,
  type StoreDir,
  type StorePath,
  formatSingleDerivingPath,
} from '../nix-compat/index.ts';

/** What an evaluation has to know of the store, or to have there, before it can go on. */
export type EvalNeed = (
  | {
      /** Whether a store object is valid; it is not fetched. `presence` is that it becomes valid, if that can be. */
      readonly kind: 'validity' | 'presence';
      readonly path: StorePath;
    }
  /** What a derivation says. */
  | { readonly kind: 'derivation'; readonly path: StorePath }
  /** An output, built or fetched unless it is there. */
  | { readonly kind: 'output'; readonly path: BuiltPath }
) & {
  /** Where the expression asks for it. */
  readonly position?: SourcePosition | undefined;
};

/** What became of a need. */
export type NeedAnswer =
  | {
      /** The object is valid. */
      readonly kind: 'object';
      readonly path: StorePath;
      readonly references: readonly StorePath[];
      /** All that it refers to, itself included: for evaluations that may not look at everything. */
      readonly closure?: Iterable<StorePath> | undefined;
    }
  | { readonly kind: 'derivation'; readonly derivation: Derivation }
  /** There is no such thing. */
  | { readonly kind: 'absent' }
  /** Getting it failed: the evaluation fails with this where it asked. */
  | { readonly kind: 'failed'; readonly error: Error };

/** The same for needs of the same thing. */
export function keyOfNeed(storeDir: StoreDir, need: EvalNeed): string {
  switch (need.kind) {
    case 'validity':
    case 'presence':
    case 'derivation':
      return `${need.kind} ${need.path}`;
    case 'output':
      return `${need.kind} ${formatSingleDerivingPath(storeDir, need.path)}`;
    default:
      return unreachable(need);
  }
}

/** Thrown through an evaluation that cannot go on now. It is no error: nothing has failed, and `tryEval` lets it pass. */
export class Suspension extends Error {
  override readonly name = 'Suspension';

  constructor() {
    super('the evaluation waits for the store: do it in passes (Evaluator.pass)');
  }
}
