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
  EvalError,
  type Evaluator,
  type TextRange,
  type Word,
  addressOf,
  findIgnoringCase,
  isDerivation,
  kindOf,
  parseSelectionPath,
  trueWord,
  typeError,
} from '../../eval/index.ts';
import { type JsonObject, formatJson, jsonObject, parsePackageName } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { FoundAttribute } from '../installables/flake-installable.ts';
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
  const source = new SourceArguments(context, system => {
    return { defaults: [`packages.${system}`, `legacyPackages.${system}`], prefixes: [] };
  });
  const excluded: ByteString[] = [];
  let installable = byteStringFromText('.');
  let wanted: readonly ByteString[] = [];
  let json = false;
  let pretty = context.out.isTerminal;
  source.namedTexts = () => [installable];
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
      context.settings.presume('allow-import-from-derivation', 'false');
      const found = await source.evaluateFound(
        installable,
        ({ evaluator }, roots) =>
          roots.flatMap(root => findMatches(evaluator, root, { patterns, reporter: context.log })),
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
  root: FoundAttribute,
  { patterns, reporter }: { readonly patterns: Patterns; readonly reporter: Reporter },
): Match[] {
  const { core } = evaluator;
  const found: Match[] = [];

  evaluator.run(() => visit(root.value, parseSelectionPath(byteStringFromText(root.path)), true));
  return found;

  function visit(word: Word, names: readonly ByteString[], isRoot: boolean): void {
    const path = byteStringFromLatin1(names.join('.'));
    using _evaluating = reporter.startActivity({
      type: 'unknown',
      level: 'info',
      text: `evaluating '${displayBytes(path)}'`,
    });
    // Not all of what is there for compatibility can be evaluated.
    if (names[0] !== 'legacyPackages') visitForced(core.force(word), { names, path, isRoot });
    else ignoreErrors(() => evaluator.run(() => visitForced(core.force(word), { names, path, isRoot })));
  }

  /** Sets are looked into from the top, one level below `packages` and its like, and where they say so. */
  function visitForced(set: Word, { names, path, isRoot }: Visited): void {
    const isSet = kindOf(core.memory, set) === 'set';
    if (isSet && isDerivation(evaluator, addressOf(set))) {
      const match = matchOf(evaluator, { attrs: addressOf(set), path }, patterns);
      if (match !== undefined) found.push(match);
      return;
    }
    const [output] = names;
    const depth = names.length;
    const isContainer = depth === 0 || ((output === 'legacyPackages' || output === 'packages') && depth <= 2);
    const isOpen = isSet && output === 'legacyPackages' && depth > 2 && recurses(evaluator, addressOf(set));
    if (!isContainer && !isRoot && !isOpen) return;
    if (!isSet) throw typeError`'${displayBytes(path)}' is not an attribute set`;
    for (const { symbol, word: inner } of core.sortedAttributes(addressOf(set))) {
      visit(inner, [...names, core.nameOf(symbol)], false);
    }
  }
}

interface Visited {
  readonly names: readonly ByteString[];
  readonly path: ByteString;
  readonly isRoot: boolean;
}

function ignoreErrors(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
  }
}

function recurses({ core }: Evaluator, attrs: number): boolean {
  const found = core.lookup(attrs, core.internText('recurseForDerivations'));
  return found !== undefined && core.force(found.word, found.position).low === trueWord.low;
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
