import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { explainDependency } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { oneStorePath, operateOnFlag } from '../installables/one-store-path.ts';
import type { OperateOn } from '../installables/resolve-installables.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { DependencyPrinter } from './print-dependencies.ts';

/** `nix why-depends` */
export function whyDepends(context: CommandContext): Command {
  const source = new SourceArguments(context);
  let dependent = byteStringFromText('');
  let dependency = byteStringFromText('');
  let operateOn: OperateOn = 'output';
  const options = { all: false, precise: false };
  return {
    summary: 'Shows why a store path has another in its closure.',
    flags: [
      ...source.flags,
      operateOnFlag(chosen => (operateOn = chosen)),
      {
        long: 'all',
        short: 'a',
        labels: [],
        summary: 'Show all ways from one to the other, not just a shortest.',
        apply: () => (options.all = true),
      },
      {
        long: 'precise',
        labels: [],
        summary: 'Show the files that refer to the next path.',
        apply: () => (options.precise = true),
      },
    ],
    positionals: [
      { label: 'package', arity: 1, complete: source.complete, apply: given => (dependent = given) },
      { label: 'dependency', arity: 1, complete: source.complete, apply: given => (dependency = given) },
    ],
    run: async () => {
      await using store = await openCommandStore(context);
      const from = await oneStorePath(store, dependent, { operateOn, realise: true, source, context });
      const to = await oneStorePath(store, dependency, { operateOn, realise: false, source, context }).catch(
        ifNotBuilt,
      );
      const steps =
        to === undefined ? undefined : await explainDependency(store, from.storePath, { dependency: to.storePath });
      if (to === undefined || steps === undefined) {
        const what = to?.what ?? displayBytes(dependency);
        context.log.log('error', `'${from.what}' does not depend on '${what}'`);
        return;
      }
      const ends = { from: from.storePath, to: to.storePath };
      const printer = new DependencyPrinter(store, steps, { ...options, ...ends, out: context.out });
      await printer.print();
    },
  };
}

/** What was not built is in no closure. */
function ifNotBuilt(error: unknown): undefined {
  if (!(error instanceof CliError && error.code === 'installable/not-built')) throw error;
}
