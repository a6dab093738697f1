import { type ByteString, brandAs, displayBytes } from '../base/index.ts';
import { type StorePath, parseStorePathIn, requireDerivationPath } from '../nix-compat/index.ts';
import { within } from './builtins/arguments.ts';
import { EvalError } from './eval-error.ts';
import { coerce } from './core-exports.ts';
import type { Evaluator } from './evaluator.ts';
import { type AutoArguments, autoCall } from './selection.ts';
import { type Word, addressOf, kindOf, listElements } from './word.ts';

/** A derivation that an expression evaluates to. */
export interface Package {
  /** Where it was found, by names and indices; empty for the value itself. */
  readonly attributePath: string;
  readonly attrs: number;
}

/** The derivations that a value is or contains, as deep as `recurseForDerivations` says. */
export function findPackages(evaluator: Evaluator, word: Word, args: AutoArguments): Package[] {
  const found: Package[] = [];
  const seen = new Set<number>();
  evaluator.run(() => collect(word, ''));
  return found;

  /** Whether the value is no derivation, so that it may contain some. */
  function isOther(candidate: Word, attributePath: string): boolean {
    const { core } = evaluator;
    const value = core.force(candidate);
    if (kindOf(core.memory, value) !== 'set' || !isDerivation(evaluator, addressOf(value))) return true;
    const attrs = addressOf(value);
    if (!seen.has(attrs)) {
      seen.add(attrs);
      requireName(evaluator, attrs);
      found.push({ attributePath, attrs });
    }
    return false;
  }

  function collect(candidate: Word, prefix: string): void {
    const { core } = evaluator;
    const value = autoCall(evaluator, args, candidate);
    if (!isOther(value, prefix)) return;
    const kind = kindOf(core.memory, value);
    if (kind === 'list') {
      for (const [index, element] of listElements(core.memory, addressOf(value)).entries()) {
        const path = join(prefix, String(index));
        if (isOther(element, path)) collect(element, path);
      }
    } else if (kind === 'set') collectAttributes(addressOf(value), prefix);
    else {
      throw new EvalError('eval/type', 'expression does not evaluate to a derivation (or a set or list of those)');
    }
  }

  function collectAttributes(attrs: number, prefix: string): void {
    const { core } = evaluator;
    const combines = core.lookup(attrs, core.internText('_combineChannels')) !== undefined;
    for (const { symbol, position, word: inner } of core.sortedAttributes(attrs)) {
      const name = core.nameOf(symbol);
      if (!/^[A-Za-z_][A-Za-z0-9_+-]*$/.test(name)) continue;
      const path = join(prefix, name);
      within(
        evaluator,
        `while evaluating the attribute '${displayBytes(name)}'`,
        () => {
          if (combines) collect(inner, path);
          else if (isOther(inner, path) && recurses(evaluator, inner)) collect(inner, path);
        },
        position,
      );
    }
  }
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

function recurses(evaluator: Evaluator, word: Word): boolean {
  const { core } = evaluator;
  const value = core.force(word);
  if (kindOf(core.memory, value) !== 'set') return false;
  const found = core.lookup(addressOf(value), core.internText('recurseForDerivations'));
  return found !== undefined && core.force(found.word, found.position).low === 23;
}

/** Whether a set's `type` is `"derivation"`. */
export function isDerivation(evaluator: Evaluator, attrs: number): boolean {
  const { core } = evaluator;
  const type = core.lookup(attrs, core.internText('type'));
  if (type === undefined) return false;
  const value = core.force(type.word, type.position);
  return kindOf(core.memory, value) === 'string' && core.memory.string(addressOf(value)) === 'derivation';
}

function requireName(evaluator: Evaluator, attrs: number): void {
  const { core } = evaluator;
  const name = core.lookup(attrs, evaluator.symbols.name);
  if (name === undefined) throw new EvalError('eval/type', 'derivation name missing');
  within(evaluator, "while evaluating the 'name' attribute of a derivation", () => core.force(name.word));
}

/** The derivation that a package is made by. Throws `eval/error` where it has none. */
export function derivationPathOf(evaluator: Evaluator, { attrs }: Package): StorePath {
  const text = stringAttribute(evaluator, attrs, 'drvPath');
  if (text === undefined) throw new EvalError('eval/error', "derivation does not contain a 'drvPath' attribute");
  const path = parseStorePathIn(evaluator.io.storeDir, text);
  const doing = "while evaluating the 'drvPath' attribute of a derivation";
  evaluator.run(() => within(evaluator, doing, () => requireDerivationPath(path)));
  return path;
}

/** The name of the output that a package stands for; undefined where it has none. */
export function outputNameOf(evaluator: Evaluator, { attrs }: Package): ByteString {
  return stringAttribute(evaluator, attrs, 'outputName') ?? brandAs<ByteString>('');
}

function stringAttribute(evaluator: Evaluator, attrs: number, name: string): ByteString | undefined {
  const { core } = evaluator;
  const found = core.lookup(attrs, core.internText(name));
  if (found === undefined) return undefined;
  return evaluator.run(() => core.coerce(found.word, coerce.canonical)).text;
}
