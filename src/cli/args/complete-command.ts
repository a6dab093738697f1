import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { ArgumentQueue } from './argument-queue.ts';
import { Completions } from './completions.ts';
import { type Flag, type FlagFinder, type Positional, firstOf, indexFlags } from './flag.ts';
import type { CommandGroup, Parseable } from './parse-command.ts';

export interface CompletionOptions {
  /** Flags that are understood everywhere, as far as they are worth showing. */
  readonly shared: readonly Flag[];
  /** Finds them, and those that are not worth it. */
  readonly find: FlagFinder;
}

/**
 * What the argument at `position` (from 1 on) can become. Arguments before it are taken as when running the command;
 * where they are wrong there is nothing to complete. Throws `usage/bad-value` for a position that is none.
 */
export async function completeCommand<Command extends Parseable>(
  args: readonly ByteString[],
  position: number,
  root: CommandGroup<Command>,
  { shared, find }: CompletionOptions,
): Promise<Completions> {
  const prefix = Number.isSafeInteger(position) ? args[position - 1] : undefined;
  if (prefix === undefined) throw new CliError('usage/bad-value', `there is no argument ${position} to complete`);
  const completions = new Completions();
  const place = new Place(root, shared, find);
  const queue = new ArgumentQueue(args.slice(0, position - 1));
  try {
    for (let item = queue.next(); item !== undefined; item = queue.next()) {
      if (item.kind === 'argument') {
        await place.takeArgument(item.text, queue);
        continue;
      }
      const flag = place.findFlag(item.text);
      if (flag === undefined) return completions;
      if (flag.takesRest === true) return completions;
      const values = flag.labels.flatMap(() => queue.take() ?? []);
      if (values.length < flag.labels.length) {
        await flag.complete?.(completions, prefix, values.length);
        return completions;
      }
      flag.apply(...values);
    }
    if (prefix.startsWith('-') && !queue.isLiteral) place.completeFlag(completions, prefix);
    else await place.completeArgument(completions, prefix);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
  }
  return completions;
}

/** How far the arguments lead: into a group, or into a command and past some of its arguments. */
class Place<Command extends Parseable> {
  #group: CommandGroup<Command> | undefined;
  #flags: readonly Flag[];
  #find: FlagFinder;
  #expected: readonly Positional[] = [];
  #aliasUsed = false;

  constructor(root: CommandGroup<Command>, shared: readonly Flag[], find: FlagFinder) {
    this.#group = root;
    this.#flags = shared;
    this.#find = find;
  }

  findFlag(spelling: ByteString): Flag | undefined {
    return this.#find(spelling);
  }

  async takeArgument(text: ByteString, queue: ArgumentQueue): Promise<void> {
    const group = this.#group;
    if (group === undefined) {
      // One that takes any number takes this one, too.
      if (this.#expected[0]?.arity !== 'any') this.#expected = this.#expected.slice(1);
      return;
    }
    const name = displayBytes(text);
    const alias = this.#aliasUsed || !Object.hasOwn(group.aliases ?? {}, name) ? undefined : group.aliases?.[name];
    if (alias !== undefined) {
      this.#aliasUsed = true;
      queue.unshift(...alias.means);
      return;
    }
    const member = Object.hasOwn(group.members, name) ? group.members[name] : undefined;
    if (member === undefined) throw new CliError('usage/unknown-command', `'${name}' is not a recognised command`);
    if (member.kind === 'group') {
      this.#group = member;
      return;
    }
    const create = await member.load();
    const { flags, positionals } = create();
    this.#group = undefined;
    this.#flags = [...this.#flags, ...flags];
    this.#find = firstOf(this.#find, indexFlags(flags));
    this.#expected = positionals;
  }

  completeFlag(completions: Completions, prefix: ByteString): void {
    if (prefix.startsWith('--')) {
      for (const { long, aliases = [], summary } of this.#flags) {
        for (const name of [long, ...aliases]) {
          if (name.startsWith(prefix.slice(2))) completions.add(byteStringFromText(`--${name}`), summary);
        }
      }
    } else if (prefix === '-') {
      completions.add(byteStringFromText('--'));
      for (const { short, summary } of this.#flags) {
        if (short !== undefined) completions.add(byteStringFromText(`-${short}`), summary);
      }
    }
  }

  async completeArgument(completions: Completions, prefix: ByteString): Promise<void> {
    if (this.#group === undefined) {
      await this.#expected[0]?.complete?.(completions, prefix, 0);
      return;
    }
    for (const name of Object.keys(this.#group.members)) {
      if (name.startsWith(prefix)) completions.add(byteStringFromText(name));
    }
  }
}
