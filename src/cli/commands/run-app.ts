import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { packageAttributes } from '../installables/flake-installable.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { appOf } from '../shell/app.ts';
import { becomeProgram, placeOfStore } from '../shell/become-program.ts';
import { EnvironmentFlags, ownVariables } from '../shell/environment-flags.ts';
import { parseInstallable } from '../installables/installable.ts';
import { realiseApp, realiseOutputProgram } from '../shell/realise-app.ts';

/** `nix run` */
export function runApp(context: CommandContext): Command {
  const source = new SourceArguments(context, system => {
    const { defaults, prefixes } = packageAttributes(system);
    return {
      defaults: [`apps.${system}.default`, `defaultApp.${system}`, ...defaults],
      prefixes: [`apps.${system}.`, ...prefixes],
    };
  });
  const environment = new EnvironmentFlags();
  let installable = byteStringFromText('.');
  let args: readonly ByteString[] = [];
  source.namedTexts = () => [installable];
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
    const named = parseInstallable(store, installable, context);
    if (named?.path.kind === 'built') {
      const program = await realiseOutputProgram(store, { ...named, evalStore: store }, context);
      return { place: placeOfStore(store), program };
    }
    const app = await source.evaluateOne(installable, ({ evaluator }, value, path) => appOf(evaluator, value, path), {
      store,
    });
    const evalStore = await source.evalStoreOf(store);
    const what = displayBytes(installable);
    const { program } = await realiseApp({ store, evalStore }, app, { what, context });
    return { place: placeOfStore(store), program };
  }
}
