import { type ByteString, brandAs, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import { formatPlaceholder, placeholderOf, printStorePath, builtPath, opaquePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { type Realised, realiseInstallables } from '../installables/realise-installables.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { type App, appOf } from '../shell/app.ts';
import { becomeProgram, placeOfStore } from '../shell/become-program.ts';
import { EnvironmentFlags, ownVariables } from '../shell/environment-flags.ts';

/** `nix run` */
export function runApp(context: CommandContext): Command {
  const source = new SourceArguments(context);
  const environment = new EnvironmentFlags();
  let installable = byteStringFromText('.');
  let args: readonly ByteString[] = [];
  return {
    summary: 'Builds a package and runs its main program.',
    flags: [...source.flags, ...environment.flags],
    positionals: [
      {
        label: 'installable',
        arity: 1,
        optional: true,
        complete: source.complete,
        apply: given => (installable = given),
      },
      { label: 'args', arity: 'any', complete: completePath, apply: (...given) => (args = given) },
    ],
    run: async () => {
      const { place, program } = await prepare();
      const file = displayBytes(program);
      const variables = environment.apply(ownVariables());
      await becomeProgram(context, place, { file, args: [file, ...args.map(displayBytes)], environment: variables });
    },
  };

  async function prepare() {
    await using store = await openCommandStore(context);
    const app = await source.evaluateOne(installable, ({ evaluator }, value) => appOf(evaluator, value), { store });
    const evalStore = await source.evalStoreOf(store);
    const installables = app.context.map(path => ({ path, what: displayBytes(installable), evalStore }));
    const realised = await realiseInstallables(store, installables, { context });
    return { place: placeOfStore(store), program: resolveProgram(store, app, realised) };
  }
}

/** The program with the outputs that were not known before they were built. Throws `run/not-in-store`. */
function resolveProgram({ storeDir }: Store, { program }: App, realised: readonly Realised[]): ByteString {
  let resolved: string = program;
  for (const each of realised) {
    if (each.kind === 'path') continue;
    for (const [output, path] of each.outputs) {
      const placeholder = formatPlaceholder(placeholderOf(builtPath(opaquePath(each.derivation), output)));
      resolved = resolved.replaceAll(placeholder, printStorePath(storeDir, path));
    }
  }
  if (resolved.startsWith(`${storeDir}/`)) return brandAs<ByteString>(resolved);
  const shown = displayBytes(byteStringFromLatin1(resolved));
  throw new CliError('run/not-in-store', `app program '${shown}' is not in the Nix store`);
}
