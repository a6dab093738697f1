import type { Realisation } from '../../nix-compat/index.ts';
import { type Store, outputIds, readDerivation } from '../../store/index.ts';
import type { Realised } from './realise-installables.ts';

/** What `store` has on record of those outputs, whose derivations and all that these are made of it has. */
export async function realisationsOf(store: Store, all: readonly Realised[]): Promise<Realisation[]> {
  const found: Realisation[] = [];
  for (const realised of all) {
    if (realised.kind !== 'outputs') continue;
    const { derivation: path, outputs } = realised;
    const derivation = await readDerivation(store, path);
    for (const [output, id] of await outputIds(store, path, { derivation })) {
      const known = outputs.has(output) ? await store.realisation(id) : undefined;
      if (known !== undefined) found.push({ id, ...known });
    }
  }
  return found;
}
