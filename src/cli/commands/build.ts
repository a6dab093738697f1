import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { formatJson, printStorePath } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { finishPlan } from '../installables/finish-plan.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { makeOutLinks } from '../installables/make-out-links.ts';
import { printMissing } from '../installables/print-missing.ts';
import { ProfileArgument } from '../installables/profile-argument.ts';
import { pathsOf, realiseInstallables } from '../installables/realise-installables.ts';
import { realisedToJson, wantedToJson } from '../installables/realised-to-json.ts';
import { openRealising } from '../installables/realising.ts';
import { openCommandStore } from '../open-store.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix build` */
export function build(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  let outLink: ByteString | undefined = byteStringFromText('result');
  let dryRun = false;
  let makesPlans = false;
  let json = false;
  let printPaths = false;
  let rebuild = false;
  let pretty = context.out.isTerminal;
  const profile = new ProfileArgument();
  return {
    summary: 'Fetches store paths, and builds derivations where nobody has their outputs.',
    flags: [
      ...wanted.flags,
      {
        long: 'out-link',
        short: 'o',
        labels: ['path'],
        summary: "Name the links to results after the path; 'result' unless given.",
        apply: path => (outLink = path),
      },
      { long: 'no-link', labels: [], summary: 'Make no links to results.', apply: () => (outLink = undefined) },
      {
        long: 'dry-run',
        labels: [],
        summary: 'Say what would be done, and do nothing.',
        apply: () => (dryRun = context.modes.plansOnly = true),
      },
      {
        long: 'dry-run=plan',
        labels: [],
        summary: 'As --dry-run, but make those derivations first that others make, to know all that would be done.',
        apply: () => (dryRun = makesPlans = context.modes.plansOnly = true),
      },
      { long: 'json', labels: [], summary: 'Print the results as JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
      { long: 'print-out-paths', labels: [], summary: 'Print the results.', apply: () => (printPaths = true) },
      {
        long: 'rebuild',
        labels: [],
        summary: 'Build again what is there, and compare.',
        apply: () => (rebuild = true),
      },
      profile.flag,
    ],
    positionals: wanted.positionals,
    run: async () => {
      const { out } = context;
      await using store = await openCommandStore(context);
      const installables = await wanted.resolve(store);
      if (dryRun) {
        const paths = installables.map(({ path }) => path);
        const evalStore = installables[0]?.evalStore ?? store;
        await using realising = await openRealising(store, context, { evalStore });
        const plan = makesPlans ? await finishPlan(realising, paths) : await realising.plan(paths);
        printMissing(store, plan, { log: context.log, level: 'error' });
        if (json) out.byteLine(formatJson(await wantedToJson({ store, evalStore }, paths), pretty ? 2 : undefined));
        return;
      }
      const mode = wanted.source.repairs ? 'repair' : rebuild ? 'check' : 'normal';
      const realised = await realiseInstallables(store, installables, { context, mode });
      if (json) out.byteLine(formatJson(realised.map(each => realisedToJson(store.storeDir, each))));
      if (outLink !== undefined && store.collector !== undefined)
        await makeOutLinks(store.collector, outLink, realised);
      const paths = realised.flatMap(pathsOf);
      if (printPaths) for (const path of paths) out.byteLine(printStorePath(store.storeDir, path));
      await profile.update(store, paths);
    },
  };
}
