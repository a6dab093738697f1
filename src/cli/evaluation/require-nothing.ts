import type { EvalNeed } from '../../eval/index.ts';
import { type DerivingPath, derivingPathOf, opaquePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { ExitStatus } from '../exit-status.ts';
import { printMissing } from '../installables/print-missing.ts';
import type { EvaluationRealising } from '../installables/realising.ts';

/**
 * Those of an evaluation's needs that nothing has to be built or fetched for, in a dry run. Where the first is none of
 * these, the evaluation goes no further: says what would be done for it and for the others, and throws `ExitStatus` 0.
 */
export async function requireNothing(
  needs: readonly EvalNeed[],
  {
    realising,
    store,
    context,
  }: { readonly realising: EvaluationRealising; readonly store: Store; readonly context: CommandContext },
): Promise<EvalNeed[]> {
  const free: EvalNeed[] = [];
  const missing: DerivingPath[] = [];
  for (const need of needs) {
    const path = pathOf(need);
    if (path === undefined || (await isFree(need, path, realising))) free.push(need);
    else missing.push(path);
  }
  const [first] = needs;
  if (first === undefined || free[0] === first) return free;
  const { log } = context;
  log.log('error', 'the evaluation itself needs what follows, and says no more before that is there:');
  printMissing(store, await realising.plan(missing), { log, level: 'error' });
  throw new ExitStatus(0);
}

function pathOf(need: EvalNeed): DerivingPath | undefined {
  if (need.kind === 'output') return derivingPathOf(need.path);
  return need.kind === 'presence' ? opaquePath(need.path) : undefined;
}

/** What nobody has may still be fetched where it comes from, where its presence alone is asked for. */
async function isFree({ kind }: EvalNeed, path: DerivingPath, realising: EvaluationRealising): Promise<boolean> {
  const { willBuild, willSubstitute, unknown } = await realising.plan([path]);
  return willBuild.size + willSubstitute.size + (kind === 'presence' ? 0 : unknown.size) === 0;
}
