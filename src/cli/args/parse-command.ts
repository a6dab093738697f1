import { type ByteString, displayBytes, suggest } from '../../base/index.ts';
import type { ExperimentalFeature } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import { ArgumentQueue, applyFlag, unexpectedArgument, unrecognisedFlag } from './argument-queue.ts';
import { type Flag, type FlagFinder, type Positional, firstOf, indexFlags } from './flag.ts';

/** A command that can be run once its arguments were parsed into it. */
export interface Parseable {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
}

/** Commands by name, in groups. `load` brings a command's module into memory. */
export interface CommandGroup<Command extends Parseable> {
  readonly kind: 'group';
  /** What its members are about, for `--help`. */
  readonly summary?: string;
  readonly members: { readonly [name: string]: CommandGroup<Command> | CommandEntry<Command> };
  /** Names that mean a sequence of others, and whether using them deserves a warning. */
  readonly aliases?: { readonly [name: string]: { readonly means: readonly string[]; readonly deprecated: boolean } };
}

export interface CommandEntry<Command extends Parseable> {
  readonly kind: 'command';
  readonly load: () => Promise<() => Command>;
}

/** What a command line turned out to be, also when it ends in an error. */
export interface ParsedCommand<Command extends Parseable> {
  /** Names from the top to the command or group that was reached. */
  readonly path: string[];
  command: Command | undefined;
  /** What the flags need to be enabled. */
  readonly features: Set<ExperimentalFeature>;
}

interface ParserOptions {
  /** Flags that are understood everywhere. */
  readonly common: FlagFinder;
  readonly warn: (message: string) => void;
}

/**
 * Parses `nix` style command lines into `parsed`: groups, a command, its flags and arguments in any order. Throws
 * `usage/...`, what `load` throws (`command/absent`), and what flags throw.
 */
export async function parseCommand<Command extends Parseable>(
  args: readonly ByteString[],
  root: CommandGroup<Command>,
  parsed: ParsedCommand<Command>,
  { common, warn }: ParserOptions,
): Promise<void> {
  const queue = new ArgumentQueue(args);
  const used = new Set<Flag>();
  let find = common;
  let group: CommandGroup<Command> | undefined = root;
  let expected: Positional[] = [];
  let pending: ByteString[] = [];
  let aliasUsed = false;

  const select = async (from: CommandGroup<Command>, text: ByteString): Promise<void> => {
    const name = displayBytes(text);
    const member = Object.hasOwn(from.members, name) ? from.members[name] : undefined;
    if (member === undefined) {
      const suggestions = suggest(Object.keys(from.members), name);
      throw new CliError('usage/unknown-command', `'${name}' is not a recognised command`, { suggestions });
    }
    parsed.path.push(name);
    if (member.kind === 'group') {
      group = member;
      return;
    }
    const create = await member.load();
    const command = create();
    parsed.command = command;
    group = undefined;
    find = firstOf(common, indexFlags(command.flags));
    expected = [...command.positionals];
  };

  const argument = async (text: ByteString): Promise<void> => {
    if (group !== undefined) {
      const alias = aliasUsed || !Object.hasOwn(group.aliases ?? {}, text) ? undefined : group.aliases?.[text];
      if (alias === undefined) return select(group, text);
      if (alias.deprecated) warn(`'${text}' is a deprecated alias for '${alias.means.join(' ')}'`);
      aliasUsed = true;
      queue.unshift(...alias.means);
      return;
    }
    const [first] = expected;
    if (first === undefined) throw unexpectedArgument(text);
    if (first.arity === 'any') {
      pending.push(text);
    } else {
      first.apply(text);
      expected.shift();
    }
  };

  const finish = (): void => {
    const [last] = expected;
    if (last?.arity === 'any') {
      last.apply(...pending);
      pending = [];
      expected.shift();
    }
    if (expected[0] !== undefined && expected[0].optional !== true) {
      throw new CliError('usage/missing-argument', 'more arguments are required');
    }
    const missing = parsed.command?.flags.find(flag => flag.required === true && !used.has(flag));
    if (missing !== undefined) {
      throw new CliError('usage/missing-flag', `required argument '--${missing.long}' is missing`);
    }
  };

  for (let item = queue.next(); item !== undefined; item = queue.next()) {
    if (item.kind === 'argument') {
      await argument(item.text);
      continue;
    }
    const flag = find(item.text);
    if (flag === undefined) throw unrecognisedFlag(item.text);
    if (flag.feature !== undefined) parsed.features.add(flag.feature);
    used.add(flag);
    applyFlag(flag, item.text, queue);
  }
  finish();
}
