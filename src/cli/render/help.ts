import type { Flag } from '../args/flag.ts';
import type { ParsedCommand } from '../args/parse-command.ts';
import type { Command, Commands, LegacyCommand } from '../command.ts';
import type { StoreKind } from '../commands/store-kinds.ts';

/** How `nix` or `firn` is used: the whole, a group, or the command that was named. */
export async function commandHelp(
  program: string,
  tree: Commands,
  { command, path }: Pick<ParsedCommand<Command>, 'command' | 'path'>,
  shared: readonly Flag[],
): Promise<string> {
  const name = [program, ...path].join(' ');
  if (command !== undefined) {
    const labels = command.positionals.map(({ label, arity, optional }) => {
      const text = arity === 'any' ? `${label}...` : label;
      return optional === true || arity === 'any' ? `[${text}]` : text;
    });
    const usage = ['Usage:', name, '[option...]', ...labels].join(' ');
    const own = command.flags.length === 0 ? '' : `\nOptions:\n${flagTable(command.flags)}`;
    return `${usage}\n\n${command.summary}\n${own}\n${sharedFlags(shared)}`;
  }
  let group = tree;
  for (const part of path) {
    const member = group.members[part];
    if (member?.kind === 'group') group = member;
  }
  const rows = await memberRows(group, path.join(' '));
  const about = group.summary === undefined ? '' : `${group.summary}\n\n`;
  return `Usage: ${name} [option...] command\n\n${about}Commands:\n${table(rows)}\n${sharedFlags(shared)}`;
}

/** How a `nix-*` command is used. */
export function legacyHelp(name: string, command: LegacyCommand, shared: readonly Flag[]): string {
  const own = flagTable(command.flags);
  return `Usage: ${name} [option...] [argument...]\n\n${command.summary}\n\nOptions:\n${own}\n${sharedFlags(shared)}`;
}

/** The kinds of stores, what their URIs look like, and their settings. */
export function storesHelp(kinds: readonly StoreKind[]): string {
  const sections = kinds.map(({ name, uris, summary, settings }) => {
    const rows = settings
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(setting => {
        const fallback = setting.fallback === undefined ? '' : ` (${setting.fallback})`;
        return [setting.name, `${setting.summary}${fallback}`];
      });
    return `${name}: ${uris.join(', ')}\n\n  ${summary}\n\n${table(rows)}`;
  });
  const usage = 'A store is named by its URI: --store URI, the setting store, substituters, or nix copy --to URI.';
  const query = 'Settings of one store alone follow a question mark: URI?SETTING=VALUE&SETTING=VALUE';
  return `${usage}\n${query}\n\n${sections.join('\n')}`;
}

async function memberRows(group: Commands, path: string): Promise<[string, string][]> {
  const rows: [string, string][] = [];
  for (const [name, member] of Object.entries(group.members).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const full = path === '' ? name : `${path} ${name}`;
    if (member.kind === 'group') {
      rows.push(...(await memberRows(member, full)));
      continue;
    }
    // What cannot be loaded is not part of this version.
    const create = await member.load().catch(() => undefined);
    if (create !== undefined) rows.push([full, create().summary]);
  }
  return rows;
}

function sharedFlags(flags: readonly Flag[]): string {
  return `Common options (and every setting of nix.conf as --NAME):\n${flagTable(flags)}`;
}

function flagTable(flags: readonly Flag[]): string {
  return table(
    flags.map(({ long, short, labels, summary }) => {
      const names = short === undefined ? `    --${long}` : `-${short}, --${long}`;
      return [[names, ...labels.map(label => label.toUpperCase())].join(' '), summary];
    }),
  );
}

function table(rows: readonly (readonly [string, string])[] | string[][]): string {
  const width = Math.max(...rows.map(([left = '']) => left.length));
  return rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
