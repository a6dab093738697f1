import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { sourceFolderOf } from '../../engine/index.ts';
import { evalError } from '../../eval/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { makeOutLinks } from '../installables/make-out-links.ts';
import { parseFlakeInstallable } from '../installables/flake-installable.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { appOf } from '../shell/app.ts';
import { becomeProgram, placeOfStore } from '../shell/become-program.ts';
import { ownVariables } from '../shell/environment-flags.ts';
import { realiseApp } from '../shell/realise-app.ts';

const here = byteStringFromText('.');

function formatterAttributes(system: string) {
  return { defaults: [`formatter.${system}`], prefixes: [] };
}

/** `nix formatter run`, `nix fmt` */
export function formatterRun(context: CommandContext): Command {
  const source = new SourceArguments(context, formatterAttributes);
  let args: readonly ByteString[] = [];
  return {
    summary: 'Runs the formatter of the flake in the working folder, to reformat your code.',
    flags: source.flags,
    positionals: [{ label: 'args', arity: 'any', complete: completePath, apply: (...given) => (args = given) }],
    run: async () => {
      const { place, program } = await prepare();
      const file = displayBytes(program);
      const environment = { ...ownVariables(), PRJ_ROOT: projectFolder(context) };
      await becomeProgram(context, place, { file, args: [file, ...args.map(displayBytes)], environment });
    },
  };

  async function prepare() {
    await using store = await openCommandStore(context);
    const { program } = await buildFormatter(context, source, store);
    return { place: placeOfStore(store), program };
  }
}

/** `nix formatter build` */
export function formatterBuild(context: CommandContext): Command {
  const source = new SourceArguments(context, formatterAttributes);
  let outLink: ByteString | undefined = byteStringFromText('result');
  return {
    summary: 'Builds the formatter of the flake in the working folder.',
    flags: [
      ...source.flags,
      {
        long: 'out-link',
        short: 'o',
        labels: ['path'],
        summary: "Name the link to the result so; 'result' unless given.",
        complete: completePath,
        apply: path => (outLink = path),
      },
      { long: 'no-link', labels: [], summary: 'Make no link to the result.', apply: () => (outLink = undefined) },
    ],
    positionals: [],
    run: async () => {
      await using store = await openCommandStore(context);
      const { program, realised } = await buildFormatter(context, source, store);
      if (outLink !== undefined && store.collector !== undefined) {
        await makeOutLinks(store.collector, outLink, realised);
      }
      context.out.byteLine(program);
    },
  };
}

async function buildFormatter(
  context: CommandContext,
  source: SourceArguments,
  store: Awaited<ReturnType<typeof openCommandStore>>,
) {
  const app = await source.evaluateOne(here, ({ evaluator }, value, path) => appOf(evaluator, value, path), { store });
  const evalStore = await source.evalStoreOf(store);
  return realiseApp({ store, evalStore }, app, { what: '.', context });
}

/** What is to be formatted, wherever in it we are. */
function projectFolder(context: CommandContext): string {
  const { defaults, prefixes } = formatterAttributes(context.settings.get('system'));
  const { reference } = parseFlakeInstallable(here, { defaults, prefixes }, context);
  const folder = sourceFolderOf(reference.input);
  if (folder === undefined) throw evalError`the flake in the working folder has no files that could be formatted`;
  return folder;
}
