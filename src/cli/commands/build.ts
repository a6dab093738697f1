import { type ByteString, byteStringFromText } from '../../base/index.ts';
import {
  type DerivingPath,
  type JsonValue,
  formatJson,
  hasOutput,
  jsonObject,
  printStorePath,
  singleDerivingPathToJson,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { makeOutLinks } from '../installables/make-out-links.ts';
import { printMissing } from '../installables/print-missing.ts';
import { type Realised, pathsOf, realiseInstallables } from '../installables/realise-installables.ts';
import { openRealising } from '../installables/realising.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix build` */
export function build(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  let outLink: ByteString | undefined = byteStringFromText('result');
  let dryRun = false;
  let json = false;
  let printPaths = false;
  let rebuild = false;
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
      {
        long: 'rebuild',
        labels: [],
        summary: 'Build again what is there, and compare.',
        apply: () => (rebuild = true),
      },
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
      const installables = await wanted.resolve(store);
      if (dryRun) {
        const paths = installables.map(({ path }) => path);
        await using realising = await openRealising(store, context);
        await printMissing(store, await realising.plan(paths), { log: context.log, level: 'error' });
        if (json) out.byteLine(formatJson(await wantedToJson(store, paths)));
        return;
      }
      const mode = wanted.source.repairs ? 'repair' : rebuild ? 'check' : 'normal';
      const realised = await realiseInstallables(store, installables, { context, mode });
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
async function wantedToJson(store: Store, wanted: readonly DerivingPath[]): Promise<JsonValue> {
  const json: JsonValue[] = [];
  for (const path of wanted) {
    if (path.kind === 'opaque') {
      json.push(printStorePath(store.storeDir, path.path));
      continue;
    }
    const { base, outputs: chain } = unrollDerivingPath(path.derivation);
    const known = chain.length > 0 ? [] : [...(await derivationOutputs(store, base))];
    const printed = known
      .filter(([name]) => hasOutput(path.outputs, name))
      .map(([name, to]) => [name, to === undefined ? null : printStorePath(store.storeDir, to)] as const);
    json.push(jsonObject({ drvPath: singleDerivingPathToJson(path.derivation), outputs: new Map(printed) }));
  }
  return json;
}
