import { type ByteString, displayBytes } from '../../base/index.ts';
import type { ParsedCommand } from '../args/parse-command.ts';
import type { Command, CommandContext, Commands } from '../command.ts';
import { CliError } from '../error.ts';
import { globalFlags, nixFlags } from '../global-flags.ts';
import { commandHelp, storesHelp } from '../render/help.ts';
import { showPaged } from '../render/show-paged.ts';
import { storeKinds } from './store-kinds.ts';
import { commandTree } from './table.ts';

/** `nix help` */
export function help(context: CommandContext): Command {
  let names: readonly ByteString[] = [];
  return {
    summary: 'Says how nix or one of its commands is used.',
    flags: [],
    positionals: [{ label: 'subcommand', arity: 'any', apply: (...given) => (names = given) }],
    run: async () => showHelp(await find(names.map(displayBytes), commandTree(context)), context),
  };
}

/** `nix help-stores` */
export function helpStores(context: CommandContext): Command {
  return {
    summary: 'Lists the kinds of stores and their settings.',
    flags: [],
    positionals: [],
    run: () => showPaged(storesHelp(storeKinds), context),
  };
}

/** Help for what was named: all, a group or a command. */
export async function showHelp(
  named: Pick<ParsedCommand<Command>, 'path' | 'command'>,
  context: CommandContext,
): Promise<void> {
  if (named.path[0] === 'help-stores') return showPaged(storesHelp(storeKinds), context);
  const shared = [...globalFlags(context), ...nixFlags(context, { help: false, version: false })];
  showPaged(await commandHelp(context.program, commandTree(context), named, shared), context);
}

/** Throws `usage/unknown-command` and `command/absent`. */
async function find(
  names: readonly string[],
  tree: Commands,
): Promise<Pick<ParsedCommand<Command>, 'path' | 'command'>> {
  const [first = ''] = names;
  const alias = names.length === 1 && Object.hasOwn(tree.aliases ?? {}, first) ? tree.aliases?.[first] : undefined;
  const path = [...(alias?.means ?? names)];
  let group: Commands | undefined = tree;
  for (const [at, name] of path.entries()) {
    const member: Commands['members'][string] | undefined =
      group !== undefined && Object.hasOwn(group.members, name) ? group.members[name] : undefined;
    if (member === undefined) {
      throw new CliError('usage/unknown-command', `Nix has no subcommand '${path.join(' ')}'`);
    }
    if (member.kind === 'command' && at === path.length - 1) {
      const create = await member.load();
      return { path, command: create() };
    }
    group = member.kind === 'group' ? member : undefined;
  }
  return { path, command: undefined };
}
