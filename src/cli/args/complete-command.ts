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
 * What the argument at `position` (from 1 on) can become. The others are taken as when running the command, since they may
 * say what it can be; where those before it are wrong there is nothing to complete. Throws `usage/bad-value` for a
 * position that is none.
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
    const found = await takeAll(place, queue);
    if (found.kind === 'wrong') return completions;
    if (found.kind === 'flag') {
      const { flag, index } = found;
      await takeRest(place, args.slice(position + flag.labels.length - index - 1));
      await flag.complete?.(completions, prefix, index);
    } else if (prefix.startsWith('-') && !queue.isLiteral) place.completeFlag(completions, prefix);
    else {
      // Before the others are taken: those that follow are no longer expected here.
      const complete = place.argumentCompleter();
      await takeRest(place, args.slice(position));
      await complete(completions, prefix);
    }
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
  }
  return completions;
}

type Taken =
  | { readonly kind: 'wrong' | 'all' }
  /** A flag lacks the argument of this number, from 0 on. */
  | { readonly kind: 'flag'; readonly flag: Flag; readonly index: number };

async function takeAll<Command extends Parseable>(place: Place<Command>, queue: ArgumentQueue): Promise<Taken> {
  for (let item = queue.next(); item !== undefined; item = queue.next()) {
    if (item.kind === 'argument') {
      await place.takeArgument(item.text, queue);
      continue;
    }
    const flag = place.findFlag(item.text);
    if (flag === undefined || flag.takesRest === true) return { kind: 'wrong' };
    const values = flag.labels.flatMap(() => queue.take() ?? []);
    if (values.length < flag.labels.length) return { kind: 'flag', flag, index: values.length };
    flag.apply(...values);
  }
  return { kind: 'all' };
}

/** What comes after the argument that is completed; it may be wrong. */
async function takeRest<Command extends Parseable>(place: Place<Command>, args: readonly ByteString[]): Promise<void> {
  try {
    await takeAll(place, new ArgumentQueue(args));
    place.applyArguments();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
  }
}

/** How far the arguments lead: into a group, or into a command and past some of its arguments. */
class Place<Command extends Parseable> {
  #group: CommandGroup<Command> | undefined;
  #flags: readonly Flag[];
  #find: FlagFinder;
  #expected: readonly Positional[] = [];
  #aliasUsed = false;
  /** With what was given for each. */
  #positionals: readonly Positional[] = [];
  readonly #arguments: ByteString[] = [];

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
      this.#arguments.push(text);
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
    this.#positionals = positionals;
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

  /** Has the command know the arguments that were taken. */
  applyArguments(): void {
    const left = [...this.#arguments];
    for (const { arity, apply } of this.#positionals) {
      if (arity === 'any') apply(...left.splice(0));
      else if (left.length > 0) apply(...left.splice(0, 1));
    }
  }

  /** What completes an argument that is no flag, here. */
  argumentCompleter(): (completions: Completions, prefix: ByteString) => Promise<void> {
    const [expected] = this.#expected;
    const group = this.#group;
    return async (completions, prefix) => {
      if (group === undefined) return expected?.complete?.(completions, prefix, 0);
      for (const name of Object.keys(group.members)) {
        if (name.startsWith(prefix)) completions.add(byteStringFromText(name));
      }
    };
  }
}
