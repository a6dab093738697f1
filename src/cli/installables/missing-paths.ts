import { type OutputsSpec, type StorePath, hasOutput } from '../../nix-compat/index.ts';
import {
  type MissingPaths,
  type Store,
  type Substituters,
  derivationOutputs,
  queryMissing,
  readDerivation,
} from '../../store/index.ts';

/** What making some deriving paths valid would take. */
export interface Missing extends MissingPaths {
  readonly willBuild: ReadonlySet<StorePath>;
}

/** Outputs of the derivation at a store path. */
export interface WantedOutputs {
  readonly derivation: StorePath;
  readonly outputs: OutputsSpec;
}

/**
 * What `store` lacks of `paths`, of the outputs of `derivations`, and of all that these need. A derivation has to be
 * built where one of its outputs is to be had from no substituter.
 */
export async function findMissing(
  store: Store,
  substituters: Substituters,
  wanted: { readonly paths: Iterable<StorePath>; readonly derivations: Iterable<WantedOutputs> },
): Promise<Missing> {
  const paths = new Set(wanted.paths);
  const willBuild = new Set<StorePath>();
  const seen = new Set<StorePath>();
  const queue = [...wanted.derivations];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { derivation, outputs } = next;
    if (willBuild.has(derivation)) continue;
    if (!(await store.validPaths([derivation])).has(derivation)) {
      paths.add(derivation);
      continue;
    }
    const lacking = await lackingOutputs(store, derivation, outputs);
    if (lacking.size === 0) continue;
    const known = [...lacking].filter(path => path !== undefined);
    const missing = await queryMissing(store, substituters, known);
    if (known.length === lacking.size && missing.unknown.size === 0) {
      for (const path of known) paths.add(path);
      continue;
    }
    willBuild.add(derivation);
    const { inputDerivations, inputSources } = await readDerivation(store, derivation);
    for (const source of inputSources) paths.add(source);
    for (const [input, used] of inputDerivations) {
      if (!seen.has(input)) queue.push({ derivation: input, outputs: { kind: 'names', names: used.outputs } });
      seen.add(input);
    }
  }
  return { willBuild, ...(await queryMissing(store, substituters, paths)) };
}

/** The outputs that are not valid; undefined stands for those whose paths nobody knows. */
async function lackingOutputs(
  store: Store,
  derivation: StorePath,
  wanted: OutputsSpec,
): Promise<Set<StorePath | undefined>> {
  const lacking = new Set<StorePath | undefined>();
  for (const [output, path] of await derivationOutputs(store, derivation)) {
    if (!hasOutput(wanted, output)) continue;
    if (path === undefined || !(await store.validPaths([path])).has(path)) lacking.add(path);
  }
  return lacking;
}
