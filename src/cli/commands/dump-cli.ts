import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext, Commands } from '../command.ts';
import { globalFlags, nixFlags } from '../global-flags.ts';
import { storeKinds } from './store-kinds.ts';
import { commandTree } from './table.ts';

/** `nix __dump-cli`: commands, flags and kinds of stores as JSON, for programs that make manuals or test help. */
export async function dumpCli(context: CommandContext): Promise<string> {
  const shared = [...globalFlags(context), ...nixFlags(context, { help: false, version: false })];
  const stores = new Map<string, object>();
  for (const { name, summary, schemes, settings } of storeKinds) {
    const described = new Map(settings.map(setting => [setting.name, { description: setting.summary }]));
    stores.set(name, { doc: summary, settings: Object.fromEntries(described), 'uri-schemes': schemes });
  }
  return JSON.stringify({
    args: { ...(await dumpGroup(commandTree(context))), flags: dumpFlags(shared) },
    fetchers: {},
    stores: Object.fromEntries(stores),
  });
}

async function dumpGroup(group: Commands): Promise<object> {
  const commands: [string, object][] = [];
  for (const [name, member] of Object.entries(group.members).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (member.kind === 'group') {
      commands.push([name, await dumpGroup(member)]);
      continue;
    }
    // What cannot be loaded is not part of this version.
    const create = await member.load().catch(() => undefined);
    if (create !== undefined) commands.push([name, dumpCommand(create())]);
  }
  const args = [{ arity: 1, label: 'subcommand', optional: true }];
  return { args, commands: Object.fromEntries(commands), description: '', flags: {} };
}

function dumpCommand({ summary, flags, positionals }: Command): object {
  const args = positionals.map(({ label, arity, optional = false }) => {
    return { ...(arity === 1 ? { arity } : {}), label, optional };
  });
  return { args, description: summary, flags: dumpFlags(flags) };
}

function dumpFlags(flags: readonly Flag[]): object {
  const entries = flags.toSorted((a, b) => (a.long < b.long ? -1 : 1));
  return Object.fromEntries(
    entries.map(({ long, short, labels, summary, feature = null }) => [
      long,
      {
        arity: labels.length,
        category: '',
        description: summary,
        'experimental-feature': feature,
        hiddenCategory: false,
        ...(labels.length === 0 ? {} : { labels }),
        ...(short === undefined ? {} : { shortName: short }),
      },
    ]),
  );
}
