import type { Realisation } from '../../nix-compat/index.ts';
import { type Store, outputIds, readDerivation, staticOutputs } from '../../store/index.ts';
import type { Realised } from './realise-installables.ts';

/** What `store` has on record of those outputs whose paths do not follow from their derivations. */
export async function realisationsOf(store: Store, all: readonly Realised[]): Promise<Realisation[]> {
  const found: Realisation[] = [];
  for (const realised of all) {
    if (realised.kind !== 'outputs') continue;
    const { derivation: path, outputs } = realised;
    const derivation = await readDerivation(store, path);
    // Computing what such outputs are called takes all derivations that this one is made of.
    if (![...staticOutputs(store, derivation).values()].includes(undefined)) continue;
    for (const [output, id] of await outputIds(store, path, { derivation })) {
      const known = outputs.has(output) ? await store.realisation(id) : undefined;
      if (known !== undefined) found.push({ id, ...known });
    }
  }
  return found;
}
