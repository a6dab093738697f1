import type { Action, Outcome } from '../../exec/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { ServeProgram } from '../../reapi/index.ts';

/** Where a builder runs that may use Nix. */
export interface NestedSite {
  /** Makes valid paths visible to the builder. */
  show(paths: readonly StorePath[]): Promise<void>;
  /** Whether the builder waits for what others do, who may need its place for that. */
  waits(isWaiting: boolean): void;
}

/** A builder's process, in the terms of its derivation. */
export interface BuilderProcess extends Pick<Action, 'program' | 'argv' | 'environment'> {
  readonly inputs: ReadonlySet<StorePath>;
  /** The build's folder, on this machine's disk and where the builder sees it. */
  readonly folder: string;
  readonly folderInside: string;
  /** Files of this machine that the builder sees, by where it does. */
  readonly files: ReadonlyMap<string, string>;
  /** Where each output is to be on this machine's disk, by the store path that the builder knows it by. */
  readonly outputs: ReadonlyMap<StorePath, string>;
  /** Whose what is put there is to be, if not ours. */
  readonly owner: { readonly user: number; readonly group: number } | undefined;
  /** In milliseconds. */
  readonly timeout: number | undefined;
  /** Of a builder that may use Nix: called before it runs, who serves its programs. */
  readonly nest?: ((site: NestedSite) => ServeProgram) | undefined;
  readonly signal: AbortSignal;
  /** Gets what the builder writes; a chunk is lent until the call returns. */
  readonly output: (chunk: Uint8Array) => void;
}

/**
 * Runs builders as actions of remote execution (docs/adr/0013-derivations-as-actions.md): equal ones once, whoever asks for them, and not at all
 * where we know the result, since we ran it.
 */
export interface DerivationActions extends AsyncDisposable {
  /** Resolves when the builder has ended and its outputs are where they are to be. */
  run(builder: BuilderProcess): Promise<Outcome>;
}
