import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type BuiltPaths,
  type JsonValue,
  type Realisation,
  type StorePath,
  formatJson,
  formatOutputId,
  hasOutput,
  jsonObject,
  printStorePath,
  realisationToJson,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import { type Store, computeClosure, outputIds, requireFacet } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { resolveInstallables } from '../installables/resolve-installables.ts';
import { openCommandStore } from '../open-store.ts';
import { jsonFlags } from './json-flags.ts';

/** A store path, or which output of a derivation it was found to be. */
type Realised = { readonly path: StorePath } | Realisation;

/** `nix realisation info` */
export function realisationInfo(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  const options = { recursive: false, all: false, json: false, pretty: context.out.isTerminal };
  return {
    summary: 'Says which outputs of derivations store paths were found to be.',
    flags: [
      ...wanted.flags,
      {
        long: 'recursive',
        short: 'r',
        labels: [],
        summary: 'Take in all that the paths refer to.',
        apply: () => (options.recursive = true),
      },
      { long: 'all', labels: [], summary: 'Take every path of the store.', apply: () => (options.all = true) },
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (options.json = true) },
      ...jsonFlags(chosen => (options.pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const found = await find(store, wanted, { ...options, context });
      const { out, settings } = context;
      settings.require('ca-derivations');
      if (options.json) {
        const json = found.map(one => toJson(store, one));
        out.byteLine(brandAs<ByteString>(formatJson(json, options.pretty ? 2 : undefined)));
        return;
      }
      for (const one of found) {
        const path = printStorePath(store.storeDir, one.path);
        out.byteLine('id' in one ? brandAs<ByteString>(`${formatOutputId(one.id)} ${path}`) : path);
      }
    },
  };
}

async function find(
  store: Store,
  wanted: InstallableArguments,
  options: { readonly recursive: boolean; readonly all: boolean; readonly context: CommandContext },
): Promise<Realised[]> {
  const texts = wanted.readTexts();
  if (options.all) {
    if (texts.length > 0) throw new CliError('usage/unexpected-argument', "'--all' does not expect arguments");
    const paths = await requireFacet(store, 'index', 'queryAllValidPaths').allPaths();
    return paths.map(path => ({ path }));
  }
  const { context } = options;
  const realisations: Realised[] = [];
  const paths = new Set<StorePath>();
  for (const installable of await wanted.resolve(store, texts)) {
    const resolved = await resolveInstallables(store, [installable], { operateOn: 'output', context });
    const known = installable.path.kind === 'built' ? await realisationsOf(store, installable.path) : [];
    realisations.push(...known);
    const named = new Set(known.map(({ path }) => path));
    for (const path of resolved) if (!named.has(path)) paths.add(path);
    if (options.recursive) for (const path of (await computeClosure(store, resolved)).keys()) paths.add(path);
  }
  return [...realisations, ...[...paths].toSorted().map(path => ({ path }))];
}

/** Undefined outputs are those of derivations whose paths follow from themselves. */
async function realisationsOf(store: Store, { derivation, outputs }: BuiltPaths): Promise<Realisation[]> {
  const { base, outputs: chain } = unrollDerivingPath(derivation);
  if (chain.length > 0) {
    const printed = displayBytes(printStorePath(store.storeDir, base));
    throw new CliError('installable/not-built', `outputs of outputs of '${printed}' cannot be shown yet`);
  }
  const found: Realisation[] = [];
  for (const [output, id] of await outputIds(store, base)) {
    const realised = hasOutput(outputs, output) ? await store.realisation(id) : undefined;
    if (realised !== undefined) found.push({ id, ...realised });
  }
  return found;
}

function toJson(store: Store, one: Realised): JsonValue {
  return 'id' in one ? realisationToJson(one) : jsonObject({ opaquePath: printStorePath(store.storeDir, one.path) });
}
