import { byteStringFromText, displayBytes } from '../../base/index.ts';
import type { RealisedPath } from '../../engine/index.ts';
import {
  type BuildMode,
  type DerivingPath,
  type OutputName,
  type StorePath,
  isBuildSuccess,
  namedOutputs,
  opaquePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { BuildOperands } from '../installables/build-operands.ts';
import type { DerivationOutput } from '../installables/derivation-output.ts';
import { openRealising } from '../installables/realising.ts';
import { absolutePath } from '../paths.ts';

/** `nix-build` */
export function nixBuild(context: CommandContext): LegacyCommand {
  const from = noArguments();
  const operands = new BuildOperands();
  let outLink: string | undefined = 'result';
  let dryRun = false;
  let checks = false;
  return {
    summary: 'Builds derivations of Nix expressions.',
    flags: [
      ...operands.flags,
      {
        long: 'out-link',
        short: 'o',
        labels: ['path'],
        summary: "Name the links to results after the path; 'result' unless given.",
        apply: path => (outLink = displayBytes(path)),
      },
      switchFlag('no-out-link', 'Make no links to results.', () => (outLink = undefined), { aliases: ['no-link'] }),
      switchFlag('dry-run', 'Say what would be done, and do nothing.', () => (dryRun = context.modes.plansOnly = true)),
      switchFlag('check', 'Build again what is there, and compare.', () => (checks = true)),
      switchFlag('add-drv-link', 'Has no effect.', () => undefined),
      switchFlag('indirect', 'Has no effect.', () => undefined),
      { long: 'drv-link', labels: ['path'], summary: 'Has no effect.', apply: () => {} },
      { long: 'exclude', labels: ['regex'], summary: 'Has no effect.', apply: () => {} },
      switchFlag('pure', 'Has no effect.', () => undefined),
      ...evaluationFlags(from),
    ],
    otherFlag: operands.otherFlag,
    argument: text => operands.operands.push(text),
    run: async () => {
      if (!operands.areTexts && operands.operands.length === 0) operands.operands.push(byteStringFromText('.'));
      await using evaluation = new Evaluation(context, from);
      const outputs = await operands.evaluate(evaluation);
      const store = await evaluation.store();
      const evalStore = await evaluation.evalStore();
      await using realising = await openRealising(store, context, { evalStore });
      const wanted = outputs.map(toDerivingPath);
      await realising.tell(wanted);
      if (dryRun) return;
      const mode: BuildMode = from.repairs === true ? 'repair' : checks ? 'check' : 'normal';
      const realised = await realising.realise(wanted, { mode, failureStatus: 'telling' });
      const results = resultsOf(store, outputs, realised);
      if (outLink !== undefined) await keepResults(store, results, outLink);
      for (const { path } of results) context.out.byteLine(printStorePath(store.storeDir, path));
    },
  };
}

function toDerivingPath({ path, output }: DerivationOutput): DerivingPath {
  return { kind: 'built', derivation: opaquePath(path), outputs: namedOutputs([output]) };
}

interface Result {
  readonly output: OutputName;
  readonly path: StorePath;
  /** How many other derivations came before. */
  readonly number: number;
}

/** `realised` is what became of `outputs`, in their order. */
function resultsOf(
  { storeDir }: Store,
  outputs: readonly DerivationOutput[],
  realised: readonly RealisedPath[],
): Result[] {
  const numbers = new Map<StorePath, number>();
  return outputs.map(({ path: derivation, output }, at) => {
    const number = numbers.get(derivation) ?? numbers.size;
    numbers.set(derivation, number);
    const outcome = realised[at]?.result.outcome;
    const path = outcome !== undefined && isBuildSuccess(outcome) ? outcome.builtOutputs.get(output)?.path : undefined;
    if (path === undefined) {
      const printed = displayBytes(printStorePath(storeDir, derivation));
      throw new CliError('installable/not-built', `'${displayBytes(output)}' of '${printed}' is not known`);
    }
    return { output, path, number };
  });
}

/** Links `result`, `result-2` for the second derivation, and `result-dev` for an output of that name. */
async function keepResults({ collector }: Store, results: readonly Result[], outLink: string): Promise<void> {
  // Nothing is collected there.
  if (collector === undefined) return;
  for (const { output, path, number } of results) {
    const numbered = number === 0 ? outLink : `${outLink}-${number + 1}`;
    const link = output === 'out' ? numbered : `${numbered}-${displayBytes(output)}`;
    await collector.addIndirectRoot(displayBytes(absolutePath(byteStringFromText(link))), path);
  }
}
