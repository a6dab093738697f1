import type { CallOptions } from '../../castore/index.ts';
import type { DerivationOutputId, RealisedOutput } from '../../nix-compat/index.ts';
import type { KnownRealisations, Store } from '../store.ts';

/** What `store` says that outputs turned out to be, by the very objects that were given; in one question where it takes many. */
export async function knownRealisations(
  store: Store,
  ids: Iterable<DerivationOutputId>,
  options: CallOptions = {},
): Promise<KnownRealisations> {
  if (store.knownRealisations !== undefined) return store.knownRealisations(ids, options);
  const known = new Map<DerivationOutputId, RealisedOutput>();
  for (const id of ids) {
    const output = await store.realisation(id, options);
    if (output !== undefined) known.set(id, output);
  }
  return known;
}
