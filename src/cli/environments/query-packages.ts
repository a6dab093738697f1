import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { selectPackages, versionOf } from '../../engine/index.ts';
import {
  EvalError,
  type PlainData,
  allMetaOf,
  compareVersions,
  declaredDerivationPathOf,
  outPathOf,
  outputNameOf,
  outputPathsOf,
  outputsOf,
} from '../../eval/index.ts';
import { type OutputName, type StorePath, parsePackageName } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { addTrace } from '../render/trace.ts';
import type { EvaluatedPackage } from './evaluated-package.ts';
import { findPrebuilt } from './find-prebuilt.ts';
import type { PackageSource } from './package-source.ts';

/** What `nix-env --query` is asked for. */
export interface PackageQuery {
  /** What is installed, or what the expression offers. */
  readonly of: 'installed' | 'available';
  readonly attributePath: ByteString;
  readonly selectors: readonly ByteString[];
  readonly wantsStatus: boolean;
  readonly prebuiltOnly: boolean;
  readonly comparesVersions: boolean;
  readonly wantsOutPaths: boolean;
  readonly wantsDerivations: boolean;
  readonly wantsMeta: boolean;
  readonly wantsDescriptions: boolean;
}

/** What is known of a package; what was not asked for is undefined or empty. */
export interface PackageReport {
  readonly attributePath: string;
  readonly name: ByteString;
  readonly system: ByteString;
  readonly outputName: OutputName;
  readonly outputs: ReadonlyMap<OutputName, StorePath | undefined>;
  readonly drvPath: StorePath | undefined;
  readonly meta: ReadonlyMap<ByteString, PlainData | undefined>;
  readonly description: ByteString | undefined;
  readonly status: PackageStatus | undefined;
  readonly comparison: VersionComparison | undefined;
}

export interface PackageStatus {
  readonly installed: boolean;
  readonly valid: boolean;
  readonly substitutable: boolean;
}

/** Against packages of the same name on the other side: `less` means that all of those are of lower versions. */
export interface VersionComparison {
  readonly kind: 'less' | 'equal' | 'greater' | 'unavailable';
  readonly version: string;
}

/** Finds out what is asked for, sorted by name without regard to case. Throws what evaluating throws. */
export async function queryPackages(
  store: Store,
  source: PackageSource,
  profile: string,
  { query, context }: { readonly query: PackageQuery; readonly context: CommandContext },
): Promise<PackageReport[]> {
  const { evaluation } = source;
  const needsInstalled = query.of === 'installed' || query.comparesVersions || query.wantsStatus;
  const needsAvailable = query.of === 'available' || query.comparesVersions;
  const { installed, available, chosen } = await evaluation.perform(() => {
    const there = needsInstalled ? source.installed(profile) : [];
    const offered = needsAvailable ? source.available(query.attributePath) : [];
    const all = query.of === 'installed' ? there : offered;
    const selected = selectPackages(all, query.selectors, { newestOnly: false, ...source.selection });
    return { installed: there, available: offered, chosen: selected.toSorted(compareNames) };
  });
  const skip = skipping(context);
  const needsPaths = query.wantsStatus || query.prebuiltOnly;
  const outPaths = needsPaths
    ? await evaluation.perform(
        () => new Map(chosen.flatMap(each => skip(each, () => [[each, outPath(each)] as const]) ?? [])),
      )
    : undefined;
  const prebuilt = outPaths === undefined ? undefined : await findPrebuilt(store, [...outPaths.values()], context);
  const installedPaths = query.wantsStatus
    ? await evaluation.perform(() => new Set(installed.map(outPath)))
    : new Set<StorePath>();
  const others = query.of === 'installed' ? available : installed;
  return evaluation.perform(() =>
    chosen.flatMap(each => {
      const path = outPaths?.get(each);
      if (outPaths !== undefined && path === undefined) return [];
      const valid = path !== undefined && prebuilt?.valid.has(path) === true;
      const substitutable = path !== undefined && prebuilt?.substitutable.has(path) === true;
      if (query.prebuiltOnly && !valid && !substitutable) return [];
      const status =
        query.wantsStatus && path !== undefined
          ? { installed: installedPaths.has(path), valid, substitutable }
          : undefined;
      return skip(each, () => [report(each, { query, status, others })]) ?? [];
    }),
  );
}

function outPath({ evaluator, found }: EvaluatedPackage): StorePath {
  return outPathOf(evaluator, found);
}

function compareNames(a: EvaluatedPackage, b: EvaluatedPackage): number {
  const [x, y] = [a.name.toUpperCase(), b.name.toUpperCase()];
  return x === y ? 0 : x < y ? -1 : 1;
}

/** Passes over packages in which an assertion fails. */
function skipping({ log }: CommandContext) {
  return <T>(each: EvaluatedPackage, work: () => T): T | undefined => {
    const name = displayBytes(each.name);
    try {
      return each.evaluator.run(work);
    } catch (error) {
      if (error instanceof EvalError && error.code === 'eval/assertion') {
        log.log('talkative', `skipping derivation named '${name}' which gives an assertion failure`);
        return undefined;
      }
      if (error instanceof EvalError) addTrace(error, `while querying the derivation named '${name}'`);
      throw error;
    }
  };
}

interface Reporting {
  readonly query: PackageQuery;
  readonly status: PackageStatus | undefined;
  readonly others: readonly EvaluatedPackage[];
}

function report(each: EvaluatedPackage, { query, status, others }: Reporting): PackageReport {
  const { evaluator, found, name } = each;
  const description = query.wantsDescriptions ? each.meta('description') : undefined;
  return {
    attributePath: found.attributePath,
    name,
    system: each.system(),
    outputName: outputNameOf(evaluator, found),
    outputs: query.wantsOutPaths
      ? outputPathsOf(evaluator, found)
      : new Map(outputsOf(evaluator, found).map(output => [output, undefined])),
    drvPath: query.wantsDerivations ? declaredDerivationPathOf(evaluator, found) : undefined,
    meta: query.wantsMeta ? allMetaOf(evaluator, found) : new Map<ByteString, undefined>(),
    description: description?.kind === 'string' ? description.value : undefined,
    status,
    comparison: query.comparesVersions ? compareWith(each, others) : undefined,
  };
}

function compareWith(each: EvaluatedPackage, others: readonly EvaluatedPackage[]): VersionComparison {
  const { name } = parsePackageName(each.name);
  let result: VersionComparison = { kind: 'unavailable', version: '?' };
  for (const other of others) {
    const parsed = parsePackageName(other.name);
    if (parsed.name !== name) continue;
    const comparison = compareVersions(versionOf(each), versionOf(other));
    if (comparison < 0) result = { kind: 'greater', version: parsed.version };
    else if (result.kind === 'greater') continue;
    else if (comparison === 0) result = { kind: 'equal', version: parsed.version };
    else if (result.kind !== 'equal') result = { kind: 'less', version: higher(result.version, other) };
  }
  return result;
}

/** `?`, which stands for none, is lower than any version. */
function higher(version: string, other: EvaluatedPackage): string {
  const own = versionOf(other);
  return version === '?' || compareVersions(brandAs<ByteString>(version), own) < 0 ? own : version;
}
