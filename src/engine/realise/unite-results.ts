import {
  type BuildResult,
  type BuildSuccessStatus,
  type BuiltOutput,
  type OutputName,
  isBuildSuccess,
} from '../../nix-compat/index.ts';

/** What was done for several outputs is what was most for one of them. */
const effort: readonly BuildSuccessStatus[] = ['Built', 'Substituted', 'AlreadyValid', 'ResolvesToAlreadyValid'];

/** Of results for one output each: all of them, or the first failure. At least one. */
export function uniteResults(results: readonly BuildResult[]): BuildResult {
  const outputs: [OutputName, BuiltOutput][] = [];
  let most: BuildResult | undefined;
  for (const result of results) {
    const { outcome } = result;
    if (!isBuildSuccess(outcome)) return result;
    outputs.push(...outcome.builtOutputs);
    if (most === undefined || rankOf(result) < rankOf(most)) most = result;
  }
  if (most === undefined || !isBuildSuccess(most.outcome)) throw new RangeError('no results to unite');
  return { ...most, outcome: { status: most.outcome.status, builtOutputs: new Map(outputs) } };
}

function rankOf({ outcome }: BuildResult): number {
  return isBuildSuccess(outcome) ? effort.indexOf(outcome.status) : -1;
}
