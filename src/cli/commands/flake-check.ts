import { displayBytes } from '../../base/index.ts';
import { evalError } from '../../eval/index.ts';
import {
  type DerivingPath,
  type StorePath,
  allOutputs,
  formatDerivingPath,
  isBuildSuccess,
  opaquePath,
} from '../../nix-compat/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { checkOutput } from '../flakes/check-output.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';
import { type CheckedValue, OutputChecker } from '../flakes/output-checker.ts';
import { outputsOf } from '../installables/flake-roots.ts';
import { openRealising } from '../installables/realising.ts';
import { green, normal } from '../render/ansi.ts';

/** Checks that are to be built, with the attributes that they are. */
type Checks = Map<StorePath, string[]>;

/** `nix flake check` */
export function flakeCheck(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  const { log, settings } = context;
  let builds = true;
  let checksAllSystems = false;
  let hasErrors = false;
  const report = (error: unknown): void => {
    if (!settings.get('keep-going')) throw error;
    log.logError(error);
    hasErrors = true;
  };
  return {
    summary: 'Checks that the outputs of a flake are what their names promise, and builds its checks.',
    flags: [
      ...wanted.flags,
      switchFlag('no-build', 'Do not build checks.', () => (builds = false)),
      switchFlag('all-systems', 'Check the outputs for all systems.', () => (checksAllSystems = true)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      if (!builds) {
        context.modes.readsOnly = true;
        settings.presume('allow-import-from-derivation', 'false');
      }
      const { root } = await wanted.root();
      const evaluation = wanted.evaluation();
      const system = settings.get('system');
      const options = { system: checksAllSystems ? undefined : system, report };
      const checker = new OutputChecker(context, evaluation, options);
      const checks: Checks = new Map();
      {
        using _ = log.startActivity({ type: 'unknown', level: 'info', text: 'evaluating flake' });
        const outputs = await evaluation.perform(() => outputsOf(evaluation.evaluator, root));
        for (const output of hydraJobsFirst(await checker.attributes({ word: outputs }))) {
          for (const { name, path } of await checkOutput(context, checker, output)) {
            if (!name.startsWith(`checks.${system}.`)) continue;
            checks.set(path, [...(checks.get(path) ?? []), name]);
          }
        }
      }
      if (builds && checks.size > 0) {
        await evaluation.commit();
        await buildChecks(checks);
      }
      if (hasErrors) throw new CliError('flake/errors', 'some errors were encountered during the evaluation');
      log.log('info', `${green}all checks passed!${normal}`);
      if (checker.omitted.size === 0) return;
      const systems = [...checker.omitted].toSorted().join(', ');
      log.warn(`The check omitted these incompatible systems: ${systems}\nUse '--all-systems' to check all.`);
    },
  };

  /** Those that nobody has built: what substituters have was built once. */
  async function buildChecks(checks: Checks): Promise<void> {
    const evaluation = wanted.evaluation();
    const [store, evalStore] = [await evaluation.store(), await evaluation.evalStore()];
    await using realising = await openRealising(store, context, { evalStore });
    const { willBuild } = await realising.plan([...checks.keys()].map(outputsAt));
    const text = `running ${willBuild.size} flake checks`;
    using _ = log.startActivity({ type: 'unknown', level: 'info', text });
    for (const { path, result } of await realising.outcomes([...willBuild].toSorted().map(outputsAt))) {
      const { outcome } = result;
      if (isBuildSuccess(outcome) || path.kind !== 'built' || path.derivation.kind !== 'opaque') continue;
      const [shown, why] = [formatDerivingPath(store.storeDir, path), outcome.message].map(displayBytes);
      const attributes = checks.get(path.derivation.path) ?? [];
      for (const attribute of attributes) {
        report(
          evalError(
            ['failed to build attribute ', ", build of '", `' failed: ${why ?? ''}`],
            `'${attribute}'`,
            shown ?? '',
          ),
        );
      }
      if (attributes.length === 0) report(evalError(["build of '", `' failed: ${why ?? ''}`], shown ?? ''));
    }
  }
}

function outputsAt(derivation: StorePath): DerivingPath {
  return { kind: 'built', derivation: opaquePath(derivation), outputs: allOutputs };
}

/** They are evaluated without imports from derivations, so before all others. */
function hydraJobsFirst(outputs: readonly CheckedValue[]): CheckedValue[] {
  return outputs.toSorted((a, b) => Number(b.name === 'hydraJobs') - Number(a.name === 'hydraJobs'));
}
