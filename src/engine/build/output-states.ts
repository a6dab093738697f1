import { messageOf } from '../../base/index.ts';
import { walkTreeToEnd } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type OutputName,
  type StorePath,
  derivationTypeOf,
  equalHashes,
  joinStorePath,
  nix32Alphabet,
  outputPath,
  outputPathName,
  printStorePath,
  storePathHashLength,
} from '../../nix-compat/index.ts';
import { type LocalStore, NarHasher, requirePathInfo } from '../../store/index.ts';
import type { Reporter } from '../../base/index.ts';
import type { BuildJob } from './derivation-builder.ts';

/** What is known of an output before it is built. */
export interface OutputState {
  /** What realisations call it. */
  readonly id: DerivationOutputId;
  /** Where it is or will be; undefined if that shows only when it is built. */
  readonly path: StorePath | undefined;
  /** `corrupt`: valid, but its files are not what they were. Looked at only where that is to be repaired. */
  readonly validity: 'absent' | 'valid' | 'corrupt';
}

export type OutputStates = ReadonlyMap<OutputName, OutputState>;

/** Throws as `DerivationHasher.hash`. */
export function outputIdsOf(
  { derivations, storeDir }: LocalStore,
  job: BuildJob,
): ReadonlyMap<OutputName, DerivationOutputId> {
  // One that is in the store has the input derivations that belong to the hash; one that a client sent has none.
  const derivation = derivations.read(job.path) ?? { ...job.derivation, inputDerivations: new Map() };
  return derivations.outputIds(derivation, printStorePath(storeDir, job.path));
}

/** Looks at the outputs as they are now. Outputs that are built anew each time get new paths. */
export async function inspectOutputs(
  store: LocalStore,
  job: BuildJob,
  { ids, reporter }: { readonly ids: ReadonlyMap<OutputName, DerivationOutputId>; readonly reporter: Reporter },
): Promise<OutputStates> {
  const { derivation, mode } = job;
  const isImpure = derivationTypeOf(derivation) === 'impure';
  const states = new Map<OutputName, OutputState>();
  for (const [name, output] of derivation.outputs) {
    const id = ids.get(name);
    if (id === undefined) continue;
    if (isImpure) {
      const path = randomStorePath(outputPathName(derivation.name, name));
      states.set(name, { id, path, validity: 'absent' });
      continue;
    }
    const realised = store.realisations.find(id)?.path;
    const path = realised ?? outputPath(output, name, { name: derivation.name, storeDir: store.storeDir });
    const isValid = path !== undefined && (await store.pathInfo(path)) !== undefined;
    const isIntact = isValid && (mode !== 'repair' || (await hasRightContents(store, path, reporter)));
    states.set(name, { id, path, validity: isIntact ? 'valid' : isValid ? 'corrupt' : 'absent' });
  }
  return states;
}

/** The paths of all outputs, if all are valid. */
export function validOutputs(states: OutputStates): ReadonlyMap<OutputName, StorePath> | undefined {
  const paths = new Map<OutputName, StorePath>();
  for (const [name, { path, validity }] of states) {
    if (path === undefined || validity !== 'valid') return undefined;
    paths.set(name, path);
  }
  return paths;
}

/** Whether the checkout of a valid path has the NAR hash that is recorded. */
async function hasRightContents(store: LocalStore, path: StorePath, reporter: Reporter): Promise<boolean> {
  const printed = printStorePath(store.storeDir, path);
  reporter.log('info', `checking path '${printed}'...`);
  const { narHash } = await requirePathInfo(store, path);
  const hasher = new NarHasher();
  try {
    walkTreeToEnd(store.realPath(path), hasher.sink);
    if (equalHashes(hasher.finish(), narHash)) return true;
  } catch (error) {
    reporter.log('debug', () => `cannot read '${printed}': ${messageOf(error)}`);
  }
  reporter.log('error', `path '${printed}' is corrupted or missing!`);
  return false;
}

function randomStorePath(name: string): StorePath {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(storePathHashLength)), byte =>
    nix32Alphabet.charAt(byte % nix32Alphabet.length),
  );
  return joinStorePath(digits.join(''), name);
}
