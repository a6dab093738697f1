import {
  type ByteString,
  type Reporter,
  byteStringFromLatin1,
  byteStringFromText,
  displayBytes,
  green,
  normal,
} from '../../base/index.ts';
import {
  type Evaluator,
  type TextRange,
  type Word,
  addressOf,
  findIgnoringCase,
  isDerivation,
  kindOf,
  typeError,
} from '../../eval/index.ts';
import { type JsonObject, formatJson, jsonObject, parsePackageName } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { jsonFlags } from './json-flags.ts';

interface Patterns {
  readonly wanted: readonly ByteString[];
  readonly excluded: readonly ByteString[];
}

/** A package that was found, and which parts of its texts matched. */
interface Match {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly version: ByteString;
  readonly description: ByteString;
  readonly inPath: readonly TextRange[];
  readonly inDescription: readonly TextRange[];
}

/** `nix search` */
export function search(context: CommandContext): Command {
  const source = new SourceArguments(context);
  const excluded: ByteString[] = [];
  let installable = byteStringFromText('.');
  let wanted: readonly ByteString[] = [];
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Finds packages by their names and descriptions.',
    flags: [
      ...source.flags,
      {
        long: 'exclude',
        short: 'e',
        labels: ['regex'],
        summary: 'Leave out packages that match.',
        apply: pattern => excluded.push(pattern),
      },
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: [
      {
        label: 'installable',
        arity: 1,
        optional: true,
        complete: source.complete,
        apply: given => (installable = given),
      },
      { label: 'regex', arity: 'any', apply: (...given) => (wanted = given) },
    ],
    run: async () => {
      if (wanted.length === 0) {
        const advice = "To match all packages, use 'nix search <installable> ^'.";
        throw new CliError('usage/missing-argument', `Must provide at least one regex! ${advice}`);
      }
      const patterns = { wanted, excluded };
      const found = await source.evaluateOne(
        installable,
        ({ evaluator }, value) => findMatches(evaluator, value, { patterns, reporter: context.log }),
        { writes: false },
      );
      if (json) {
        const entries = new Map(found.map(match => [match.path, toJson(match)] as const));
        context.out.byteLine(formatJson(entries, pretty ? 2 : undefined));
        return;
      }
      if (found.length === 0) throw new CliError('search/nothing', 'no results for the given search term(s)!');
      for (const [index, match] of found.entries()) print(context, match, index > 0);
    },
  };
}

function findMatches(
  evaluator: Evaluator,
  value: Word,
  { patterns, reporter }: { readonly patterns: Patterns; readonly reporter: Reporter },
): Match[] {
  const { core } = evaluator;
  const found: Match[] = [];
  evaluator.run(() => visit(value, '', 0));
  return found;

  /** Sets are looked into from the top, and one level below `packages` and its like. */
  function visit(word: Word, path: string, depth: number): void {
    const text = `evaluating '${displayBytes(byteStringFromLatin1(path))}'`;
    using _evaluating = reporter.startActivity({ type: 'unknown', level: 'info', text });
    const set = core.force(word);
    const isSet = kindOf(core.memory, set) === 'set';
    if (isSet && isDerivation(evaluator, addressOf(set))) {
      const match = matchOf(evaluator, { attrs: addressOf(set), path: byteStringFromLatin1(path) }, patterns);
      if (match !== undefined) found.push(match);
      return;
    }
    if (depth > 0 && !(depth <= 2 && /^(legacyPackages|packages)(\.|$)/.test(path))) return;
    if (!isSet) throw typeError`'${displayBytes(byteStringFromLatin1(path))}' is not an attribute set`;
    const attrs = addressOf(set);
    for (const { symbol, word: inner } of core.sortedAttributes(attrs)) {
      const name = core.nameOf(symbol);
      visit(inner, path === '' ? name : `${path}.${name}`, depth + 1);
    }
  }
}

interface FoundPackage {
  readonly attrs: number;
  readonly path: ByteString;
}

function matchOf(
  evaluator: Evaluator,
  { attrs, path }: FoundPackage,
  { wanted, excluded }: Patterns,
): Match | undefined {
  const { name, version } = parsePackageName(stringAttribute(evaluator, attrs, 'name') ?? '');
  const description = byteStringFromLatin1(describe(evaluator, attrs).replaceAll('\n', ' '));
  const pname = byteStringFromLatin1(name);
  const texts = [path, pname, description];
  const matches = (pattern: ByteString) => texts.some(text => findIgnoringCase(pattern, text).length > 0);
  if (excluded.some(matches) || !wanted.every(matches)) return undefined;
  return {
    path,
    name: pname,
    version: byteStringFromLatin1(version),
    description,
    inPath: wanted.flatMap(pattern => findIgnoringCase(pattern, path)),
    inDescription: wanted.flatMap(pattern => findIgnoringCase(pattern, description)),
  };
}

function describe(evaluator: Evaluator, attrs: number): string {
  const { core } = evaluator;
  const meta = core.lookup(attrs, core.internText('meta'));
  if (meta === undefined) return '';
  const set = core.force(meta.word);
  if (kindOf(core.memory, set) !== 'set') return '';
  return stringAttribute(evaluator, addressOf(set), 'description') ?? '';
}

function stringAttribute({ core }: Evaluator, attrs: number, name: string): ByteString | undefined {
  const found = core.lookup(attrs, core.internText(name));
  if (found === undefined) return undefined;
  const value = core.force(found.word);
  if (kindOf(core.memory, value) === 'string') return core.memory.string(addressOf(value));
  throw new CliError('run/wrong-type', `'${name}' is not a string`);
}

function toJson({ name, version, description }: Match): JsonObject {
  return jsonObject({ pname: name, version, description });
}

const heavy = '\u001B[0;1m';

function print({ out }: CommandContext, match: Match, isLater: boolean): void {
  if (isLater) out.line('');
  const path = highlight(match.path, match.inPath, heavy);
  const version = match.version === '' ? '' : ` (${match.version})`;
  out.byteLine(byteStringFromLatin1(`* ${heavy}${path}${normal}${version}`));
  if (match.description === '') return;
  out.byteLine(byteStringFromLatin1(`  ${highlight(match.description, match.inDescription, normal)}`));
}

/** Sets ranges off, those that touch as one; `after` is how the text goes on. */
function highlight(text: ByteString, ranges: readonly TextRange[], after: string): string {
  let result = '';
  let done = 0;
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  for (let at = 0; at < sorted.length;) {
    const { start = 0, end: first = 0 } = sorted[at] ?? {};
    let end = first;
    for (at++; (sorted[at]?.start ?? Infinity) <= end; at++) end = Math.max(end, sorted[at]?.end ?? end);
    result += `${text.slice(done, start)}${green}${text.slice(start, end)}${after}`;
    done = end;
  }
  return result + text.slice(done);
}
