import type { CommandContext } from '../command.ts';

/** The version of C++ Nix whose language this is. */
const languageVersion = '2.34.8';

const greeted = new WeakSet<CommandContext>();

/** Says what the first prompt of an invocation is. */
export function greet(context: CommandContext, isDebugging: boolean): void {
  if (greeted.has(context)) return;
  greeted.add(context);
  context.log.log('notice', `Nix ${languageVersion}${isDebugging ? ' debugger' : ''}\nType :? for help.`);
}
