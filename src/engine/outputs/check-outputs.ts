import { displayBytes, emphasise } from '../../base/index.ts';
import {
  type BasicDerivation,
  type CheckedReference,
  type DerivationOptions,
  type OutputChecks,
  type OutputName,
  type PathInfo,
  type StorePath,
  compareStorePaths,
  equalHashes,
  formatHash,
} from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import type { FinishedBuild } from './finished-build.ts';
import { rejection, shownPath } from './rejection.ts';

type Store = Pick<LocalStore, 'storeDir' | 'paths'>;

/** What was built, by output: some of it may not be valid yet. */
export type BuiltInfos = ReadonlyMap<OutputName, PathInfo>;

/** Holds outputs, in byte order of their names, against what the derivation asks of them; throws `BuildError`. */
export function checkOutputs(store: Store, finished: FinishedBuild, built: BuiltInfos): void {
  for (const [output, info] of built) {
    requireFixed(store, finished, { output, info });
    const checks = checksOf(finished.options, output);
    if (checks !== undefined) new OutputCheck(store, finished, { output, info, built }).apply(checks);
  }
}

function checksOf(
  { outputChecks }: DerivationOptions<StorePath>,
  output: OutputName,
): OutputChecks<StorePath> | undefined {
  return outputChecks.kind === 'for-all-outputs' ? outputChecks.checks : outputChecks.checks.get(output);
}

function requireFixed(
  { storeDir }: Store,
  { path, derivation }: { readonly path: StorePath; readonly derivation: BasicDerivation },
  { output, info }: { readonly output: OutputName; readonly info: PathInfo },
): void {
  const wanted = derivation.outputs.get(output);
  if (wanted?.kind !== 'fixed' || info.contentAddress === undefined) return;
  const hashes = [wanted.address.hash, info.contentAddress.hash] as const;
  const shown = shownPath(storeDir, path);
  if (!equalHashes(...hashes)) {
    const [specified, got] = hashes.map(hash => emphasise(formatHash(hash, 'sri')));
    throw new BuildError(
      'HashMismatch',
      `hash mismatch in fixed-output derivation '${shown}':\n  specified: ${specified}\n     got:    ${got}`,
    );
  }
  const { length } = info.references;
  const [first] = info.references;
  if (first === undefined) return;
  throw new BuildError(
    'HashMismatch',
    `fixed-output derivations must not reference store paths: '${shown}' references ${emphasise(length)} distinct paths, e.g. '${shownPath(storeDir, first)}'`,
  );
}

interface Subject {
  readonly output: OutputName;
  readonly info: PathInfo;
  readonly built: BuiltInfos;
}

/** Of one output. */
class OutputCheck {
  readonly #store: Store;
  readonly #finished: FinishedBuild;
  readonly #subject: Subject;
  #closure: ReadonlyMap<StorePath, PathInfo> | undefined;

  constructor(store: Store, finished: FinishedBuild, subject: Subject) {
    this.#store = store;
    this.#finished = finished;
    this.#subject = subject;
  }

  apply(checks: OutputChecks<StorePath>): void {
    const { info } = this.#subject;
    const { maxSize, maxClosureSize, allowedReferences, allowedRequisites } = checks;
    if (maxSize !== undefined && info.narSize > maxSize) throw this.#tooLarge('path', info.narSize, maxSize);
    if (maxClosureSize !== undefined) {
      const size = Array.from(this.#members().values(), member => member.narSize).reduce((a, b) => a + b, 0);
      if (size > maxClosureSize) throw this.#tooLarge('closure of path', size, maxClosureSize);
    }
    const requisites = (): StorePath[] => {
      const members = [...this.#members().keys()];
      return checks.ignoreSelfReferences ? members.filter(member => member !== info.path) : members;
    };
    // An empty list of what is allowed allows nothing, an absent one everything.
    if (allowedReferences !== undefined) this.#allow(allowedReferences, info.references);
    if (allowedRequisites !== undefined) this.#allow(allowedRequisites, requisites());
    if (checks.disallowedReferences.length > 0) this.#disallow(checks.disallowedReferences, info.references);
    if (checks.disallowedRequisites.length > 0) this.#disallow(checks.disallowedRequisites, requisites());
  }

  #allow(references: readonly CheckedReference<StorePath>[], used: readonly StorePath[]): void {
    const allowed = this.#resolve(references);
    this.#refuse(used.filter(path => !allowed.has(path)));
  }

  #disallow(references: readonly CheckedReference<StorePath>[], used: readonly StorePath[]): void {
    const disallowed = this.#resolve(references);
    this.#refuse(used.filter(path => disallowed.has(path)));
  }

  #refuse(bad: readonly StorePath[]): void {
    if (bad.length === 0) return;
    const { storeDir } = this.#store;
    const list = bad.toSorted(compareStorePaths).map(path => `\n  ${shownPath(storeDir, path)}`);
    const shown = shownPath(storeDir, this.#subject.info.path);
    throw rejection(`output '${shown}' is not allowed to refer to the following paths:${list.join('')}`);
  }

  #resolve(references: readonly CheckedReference<StorePath>[]): Set<StorePath> {
    return new Set(references.map(each => (each.kind === 'input' ? each.input : this.#ownOutput(each.output))));
  }

  #ownOutput(name: OutputName): StorePath {
    const { output, built } = this.#subject;
    const path = built.get(name)?.path ?? this.#finished.outputs.get(name)?.valid;
    if (path !== undefined) return path;
    const [checked, missing] = [output, name].map(each => emphasise(displayBytes(each)));
    const valid = emphasise(Array.from(built.keys(), each => displayBytes(each)).join(', '));
    throw rejection(
      `derivation '${shownPath(this.#store.storeDir, this.#finished.path)}' output check for '${checked}' contains output name '${missing}',` +
        ` but this is not a valid output of this derivation. (Valid outputs are [${valid}].)`,
    );
  }

  /** The output and all that it refers to: outputs that are not valid yet, and what is. */
  #members(): ReadonlyMap<StorePath, PathInfo> {
    if (this.#closure !== undefined) return this.#closure;
    const { info, built } = this.#subject;
    const fresh = new Map(Array.from(built.values(), each => [each.path, each]));
    const members = new Map<StorePath, PathInfo>();
    const others = new Set<StorePath>();
    const queue = [info.path];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      const known = fresh.get(path);
      if (known === undefined) others.add(path);
      else if (!members.has(path)) {
        members.set(path, known);
        queue.push(...known.references);
      }
    }
    for (const [path, member] of this.#store.paths.closure(others)) if (!members.has(path)) members.set(path, member);
    return (this.#closure = members);
  }

  #tooLarge(what: string, size: number, limit: number): BuildError {
    const shown = shownPath(this.#store.storeDir, this.#subject.info.path);
    return rejection(`${what} '${shown}' is too large at ${emphasise(size)} bytes; limit is ${emphasise(limit)} bytes`);
  }
}
