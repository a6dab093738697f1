import { FirnError } from '../../../base/index.ts';
import { type StorePath, parseStorePath, printStorePath } from '../../../nix-compat/index.ts';
import type { LocalStore } from '../local-store.ts';

/** A derivation, and what one of its outputs turned out to be. */
export type RealisedEdge = readonly [derivation: StorePath, output: StorePath];

/**
 * The outputs of valid derivations that do not follow from these, by what realisations say. Reads such derivations, with all
 * that they are computed from; those that cannot be read keep nothing.
 */
export function realisedOutputs({
  blobs,
  derivations,
  realisations,
  storeDir,
}: Pick<LocalStore, 'blobs' | 'derivations' | 'realisations' | 'storeDir'>): RealisedEdge[] {
  const rows = blobs.folder.database.iterate(
    `SELECT path FROM paths
     WHERE path LIKE '%.drv' AND id NOT IN (SELECT derivation FROM derivation_outputs)
       AND EXISTS (SELECT 1 FROM output_realisations)`,
  );
  const floating = Array.from(rows, ({ path }) => parseStorePath(String(path)));
  return floating.flatMap(path => {
    try {
      const derivation = derivations.read(path);
      if (derivation === undefined) return [];
      const ids = derivations.outputIds(derivation, printStorePath(storeDir, path));
      return [...ids.values()].flatMap(id => {
        const realised = realisations.find(id);
        return realised === undefined ? [] : [[path, realised.path] as const];
      });
    } catch (error) {
      if (error instanceof FirnError) return [];
      throw error;
    }
  });
}
