import { byteStringFromText } from '../../base/index.ts';
import { closureDifference } from '../closure-difference.ts';
import type { Command, CommandContext } from '../command.ts';
import { oneStorePath, operateOnFlag } from '../installables/one-store-path.ts';
import type { OperateOn } from '../installables/resolve-installables.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix store diff-closures` */
export function storeDiffClosures(context: CommandContext): Command {
  const source = new SourceArguments(context);
  let before = byteStringFromText('');
  let after = byteStringFromText('');
  let operateOn: OperateOn = 'output';
  return {
    summary: 'Shows which packages and versions two closures differ in.',
    flags: [...source.flags, operateOnFlag(chosen => (operateOn = chosen))],
    positionals: [
      { label: 'before', arity: 1, complete: source.complete, apply: given => (before = given) },
      { label: 'after', arity: 1, complete: source.complete, apply: given => (after = given) },
    ],
    run: async () => {
      await using store = await openCommandStore(context);
      const options = { operateOn, realise: true, source, context };
      const first = await oneStorePath(store, before, options);
      const second = await oneStorePath(store, after, options);
      const lines = await closureDifference(store, first.storePath, second.storePath);
      for (const line of lines) context.out.line(line);
    },
  };
}
