import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { type JsonValue, formatJson, hasOutput, jsonObject, printStorePath } from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { makeOutLinks } from '../installables/make-out-links.ts';
import { findMissing } from '../installables/missing-paths.ts';
import { printMissing } from '../installables/print-missing.ts';
import { type Realised, pathsOf, realiseInstallables, wantedOf } from '../installables/realise-installables.ts';
import { openCommandStore } from '../open-store.ts';
import { openSubstituters } from '../open-substituters.ts';

/** `nix build`, of what substituters have: there is no building yet. */
export function build(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  let outLink: ByteString | undefined = byteStringFromText('result');
  let dryRun = false;
  let json = false;
  let printPaths = false;
  let repair = false;
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
      { long: 'dry-run', labels: [], summary: 'Say what would be done, and do nothing.', apply: () => (dryRun = true) },
      { long: 'json', labels: [], summary: 'Print the results as JSON.', apply: () => (json = true) },
      { long: 'print-out-paths', labels: [], summary: 'Print the results.', apply: () => (printPaths = true) },
      { long: 'rebuild', labels: [], summary: 'Build again what is there, and compare.', apply: () => {} },
      { long: 'repair', labels: [], summary: 'Get the contents anew of what is there.', apply: () => (repair = true) },
      {
        long: 'profile',
        labels: ['path'],
        summary: 'Not there yet.',
        apply: () => {
          throw new CliError('command/absent', "'nix build --profile' is not part of this version of Firn yet");
        },
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      const { out } = context;
      await using store = await openCommandStore(context);
      const installables = wanted.parse(store);
      if (dryRun) {
        await using open = await openSubstituters(store, context);
        const paths = wantedOf(store, installables);
        const missing = await findMissing(store, open.substituters, paths);
        await printMissing(store, missing, { log: context.log, level: 'error' });
        if (json) out.byteLine(formatJson(await wantedToJson(store, paths)));
        return;
      }
      const realised = await realiseInstallables(store, installables, { context, repair });
      if (json) out.byteLine(formatJson(realised.map(each => toJson(store, each))));
      if (outLink !== undefined && store.collector !== undefined)
        await makeOutLinks(store.collector, outLink, realised);
      if (!printPaths) return;
      for (const path of realised.flatMap(pathsOf)) out.byteLine(printStorePath(store.storeDir, path));
    },
  };
}

function toJson({ storeDir }: Store, realised: Realised): JsonValue {
  if (realised.kind === 'path') return printStorePath(storeDir, realised.path);
  const outputs = Array.from(realised.outputs, ([name, path]) => [name, printStorePath(storeDir, path)] as const);
  return jsonObject({ drvPath: printStorePath(storeDir, realised.derivation), outputs: new Map(outputs) });
}

/** As `toJson`, of what is not realised: outputs whose store paths nobody knows are null. */
async function wantedToJson(store: Store, { paths, derivations }: ReturnType<typeof wantedOf>): Promise<JsonValue> {
  const json: JsonValue[] = paths.map(path => printStorePath(store.storeDir, path));
  for (const { derivation, outputs } of derivations) {
    const known = [...(await derivationOutputs(store, derivation))].filter(([name]) => hasOutput(outputs, name));
    const printed = known.map(([name, path]) => {
      return [name, path === undefined ? null : printStorePath(store.storeDir, path)] as const;
    });
    json.push(jsonObject({ drvPath: printStorePath(store.storeDir, derivation), outputs: new Map(printed) }));
  }
  return json;
}
