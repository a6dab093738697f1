import type { BuildJob, BuildOptions, BuildSlot } from '../build/derivation-builder.ts';
import type { BuildNeeds } from './build-needs.ts';
import type { BuildTaker } from './build-taker.ts';

export interface ElsewhereRequest {
  /** Of a derivation that is in the store. */
  readonly job: BuildJob;
  readonly needs: BuildNeeds;
  readonly canBuildHere: boolean;
}

/** Where a build is to be. */
export type BuildPlace =
  | { readonly kind: 'elsewhere'; readonly taker: BuildTaker }
  /** With a slot, if one had to be waited for. */
  | { readonly kind: 'here'; readonly slot?: BuildSlot & Disposable }
  /** Nobody else ever builds it, for a reason that has been told. */
  | { readonly kind: 'nowhere' };

/** Whoever knows other machines. */
export interface Elsewhere extends AsyncDisposable {
  /** Whether nobody is there in any case. */
  readonly isEmpty: boolean;
  /** Finds a place for a build, or waits for one. */
  choose(request: ElsewhereRequest, options: BuildOptions): Promise<BuildPlace>;
}
