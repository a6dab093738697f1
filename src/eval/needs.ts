import { type ByteString, type SourcePosition, unreachable } from '../base/index.ts';
import {
  type BuiltPath,
  type Derivation,
  type StoreDir,
  type StorePath,
  formatSingleDerivingPath,
} from '../nix-compat/index.ts';
import type { FlakeToCall } from './call-flake.ts';
import { type InputAttributes, attributesToJson } from './inputs/input-scheme.ts';

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
  /** What is at a URL. */
  | { readonly kind: 'download'; readonly url: string; readonly unpacks: boolean }
  /** A path of another store, with all that it refers to; under names that follow from contents where one is expected. */
  | {
      readonly kind: 'closure';
      /** URI of the store. */
      readonly from: string;
      readonly path: StorePath;
      readonly renamed: StorePath | 'unknown' | undefined;
    }
  /** The flake that a reference names, with its inputs locked; nothing is written. */
  | { readonly kind: 'flake'; readonly reference: string }
  /** The tree of an input; `url` is what messages call it. */
  | {
      readonly kind: 'tree';
      readonly input: InputAttributes;
      readonly url: string;
      /** Whether all registries say what a name stands for, not only those that count for inputs of flakes. */
      readonly usesAllRegistries?: boolean;
    }
) & {
  /** Where the expression asks for it. */
  readonly position?: SourcePosition | undefined;
};

/** What was fetched: a file or folder on disk, which stays as it is while the evaluation goes on. */
export interface FetchedTree {
  readonly path: ByteString;
  /** Entries of the folder that are meant, by paths from there, with the folders that they are in; all unless given. */
  readonly entries?: ReadonlySet<ByteString> | undefined;
  /** Those of the input with what was found out: `rev`, `lastModified`, ... */
  readonly attributes: InputAttributes;
  /** Whether a file is added as a tree is; folders are always. */
  readonly isTree?: boolean;
  /** What stands for a tree that has no revision, where somebody wants to know. */
  readonly fingerprint?: (() => Promise<string>) | undefined;
}

/** What became of a need. */
export type NeedAnswer =
  | {
      /** The object is valid. */
      readonly kind: 'object';
      readonly path: StorePath;
      readonly references: readonly StorePath[];
      /** All that it refers to, itself included: for evaluations that may not look at everything. */
      readonly closure?: readonly StorePath[] | undefined;
    }
  | { readonly kind: 'derivation'; readonly derivation: Derivation }
  | {
      readonly kind: 'closure';
      /** What it is called now. */
      readonly path: StorePath;
      readonly isContentAddressed: boolean;
      /** All that it refers to, itself included: for evaluations that may not look at everything. */
      readonly members: readonly StorePath[] | undefined;
    }
  | { readonly kind: 'tree'; readonly tree: FetchedTree }
  | { readonly kind: 'flake'; readonly flake: FlakeToCall }
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
    case 'download':
      return `${need.kind} ${need.unpacks} ${need.url}`;
    case 'closure':
      return `${need.kind} ${need.from} ${need.path} ${need.renamed ?? ''}`;
    case 'flake':
      return `${need.kind} ${need.reference}`;
    case 'tree':
      return `${need.kind} ${attributesToJson(need.input)}`;
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
