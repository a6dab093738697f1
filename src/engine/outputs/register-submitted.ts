import { displayBytes } from '../../base/index.ts';
import {
  type BuiltOutput,
  type DerivationOutput,
  type OutputName,
  type PathInfo,
  type StorePath,
  fingerprintRealisation,
  outputPathName,
  sortSignatures,
  storePathName,
} from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import { checkOutputs } from './check-outputs.ts';
import type { FinishedBuild } from './finished-build.ts';
import { rejection, shownPath } from './rejection.ts';
import { BuildError } from '../error.ts';

/**
 * Takes for the outputs of a build what its builder has added to the store and named, in place of what it left in files
 * (`builder-rpc-v0`); in mode `check` compares them with what is valid. Throws `BuildError` where one lacks or is not what
 * the derivation says.
 */
export function registerSubmitted(
  store: LocalStore,
  finished: FinishedBuild,
  { submitted, realisations }: SubmittedOutputs,
): ReadonlyMap<OutputName, BuiltOutput> {
  const { derivation, mode } = finished;
  const shown = shownPath(store.storeDir, finished.path);
  const infos = new Map<OutputName, PathInfo>();
  for (const [output, kind] of [...derivation.outputs].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const path = submitted.get(output);
    const name = displayBytes(output);
    if (path === undefined) throw rejection(`builder for '${shown}' failed to submit output path for '${name}'`);
    const { info } = store.paths.require(path);
    const wanted = outputPathName(derivation.name, output);
    if (storePathName(path) !== wanted || !isOfKind(info, kind)) {
      const submission = shownPath(store.storeDir, path);
      const way = `add it under the name '${wanted}'${describeKind(kind)}`;
      throw rejection(`builder for '${shown}' submitted '${submission}', which cannot be its output '${name}': ${way}`);
    }
    infos.set(output, info);
  }
  checkOutputs(store, finished, infos);
  const built = new Map<OutputName, BuiltOutput>();
  for (const [output, { path }] of infos) {
    const left = finished.outputs.get(output);
    if (left === undefined) continue;
    if (mode === 'check' && left.valid !== undefined && left.valid !== path) {
      const message = `derivation '${shown}' may not be deterministic: output '${displayBytes(output)}' differs: '${shownPath(store.storeDir, left.valid)}' before, '${shownPath(store.storeDir, path)}' now`;
      throw new BuildError('NotDeterministic', message);
    }
    const unsigned = { id: left.id, path, signatures: [] };
    const signatures = sortSignatures(store.sign(fingerprintRealisation(unsigned)));
    if (realisations && mode !== 'check') store.realisations.addAll([{ ...unsigned, signatures }]);
    built.set(output, { path, signatures, derivationHash: left.id.derivationHash });
  }
  return built;
}

export interface SubmittedOutputs {
  readonly submitted: ReadonlyMap<OutputName, StorePath>;
  /** As in `RegisterOutputsOptions`. */
  readonly realisations: boolean;
}

/** Whether a path has its name as the output is to have it. */
function isOfKind({ contentAddress }: PathInfo, kind: DerivationOutput): boolean {
  if (contentAddress === undefined) return false;
  const { method, hash } = contentAddress;
  if (kind.kind === 'floating') return method === kind.method && hash.algorithm === kind.algorithm;
  // A wrong hash is told as such.
  return kind.kind === 'fixed' && method === kind.address.method;
}

function describeKind(kind: DerivationOutput): string {
  if (kind.kind === 'floating') return ` with the method '${kind.method}' and the hash algorithm '${kind.algorithm}'`;
  return kind.kind === 'fixed' ? ` with the method '${kind.address.method}'` : '';
}
