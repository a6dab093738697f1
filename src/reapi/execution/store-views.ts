import type { Mount, UserIds } from '../../exec/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { StoreWants } from './store-wants.ts';

/** Whoever shows actions what they name of a store. */
export interface StoreViews {
  /** Where actions see store paths. */
  readonly storeDir: string;
  /**
   * Throws `closure/unknown` for what neither the store nor anybody whom it asks knows, `closure/other` for what is
   * something else than its digest says, `closure/refused` for what nobody may see.
   */
  open(request: ViewRequest): Promise<StoreView>;
}

export interface ViewRequest {
  /** Undefined where there are links alone. */
  readonly wants: StoreWants | undefined;
  /** Targets of symlinks in the input root that lead to the store: what they lead to counts as named. */
  readonly links: readonly string[];
  /** Who the action is outside of its sandbox, if not us. */
  readonly owner: UserIds | undefined;
  /** A folder that is the action's alone, removed when it has ended; to be made where it is needed, so that its owner gets through. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** What an action sees of a store, as long as this is not disposed of. */
export interface StoreView extends AsyncDisposable {
  /** Of the root of its file system and all in it, if it named one; to come before all others. */
  readonly rootFs: RootFs | undefined;
  /** Of the store. */
  readonly mounts: readonly Mount[];
  /** Of an action that wants a daemon: what it sees, all valid, and how it comes to see more. */
  readonly growing: GrowingClosure | undefined;
}

export interface GrowingClosure {
  readonly paths: ReadonlySet<StorePath>;
  readonly show: (paths: readonly StorePath[]) => Promise<void>;
}

export interface RootFs {
  readonly mounts: readonly Mount[];
  /** What is in its root folder. */
  readonly names: ReadonlySet<string>;
}
