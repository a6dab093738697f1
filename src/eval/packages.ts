import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../base/index.ts';
import {
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  opaquePath,
  parseStorePathIn,
  requireDerivationPath,
} from '../nix-compat/index.ts';
import { forceBool, forceList, forcePlainString, forceSet, within } from './builtins/arguments.ts';
import { forceDerivingPath } from './builtins/output-of.ts';
import { mark } from './error-log.ts';
import { EvalError } from './eval-error.ts';
import { coerce } from './core-exports.ts';
import type { Evaluator } from './evaluator.ts';
import { type AutoArguments, autoCall } from './selection.ts';
import { type PlainData, plainDataOf } from './plain-data.ts';
import { type Word, addressOf, kindOf, listElements } from './word.ts';

/** A derivation that an expression evaluates to. */
export interface Package {
  /** Where it was found, by names and indices; empty for the value itself. */
  readonly attributePath: string;
  readonly attrs: number;
}

export interface FindPackagesOptions {
  /** Whether what an assertion fails in is passed over. */
  readonly skipsFailedAssertions?: boolean;
  /** The attribute path of the value itself. */
  readonly prefix?: string;
}

/** The derivations that a value is or contains, as deep as `recurseForDerivations` says. */
export function findPackages(
  evaluator: Evaluator,
  word: Word,
  args: AutoArguments,
  { skipsFailedAssertions = false, prefix: top = '' }: FindPackagesOptions = {},
): Package[] {
  const found: Package[] = [];
  const seen = new Set<number>();
  let depth = 0;
  evaluator.run(() => collect(word, top));
  return found;

  /** Whether the value is no derivation, so that it may contain some. */
  function isOther(candidate: Word, attributePath: string): boolean {
    if (!skipsFailedAssertions) return isContainer(candidate, attributePath);
    try {
      return evaluator.run(() => isContainer(candidate, attributePath));
    } catch (error) {
      if (error instanceof EvalError && error.code === 'eval/assertion') return false;
      throw error;
    }
  }

  function isContainer(candidate: Word, attributePath: string): boolean {
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
    if (depth >= evaluator.maxCallDepth) {
      throw new EvalError('eval/stack-overflow', 'stack overflow; max-call-depth exceeded');
    }
    depth++;
    try {
      collectFrom(candidate, prefix);
    } finally {
      depth--;
    }
  }

  function collectFrom(candidate: Word, prefix: string): void {
    const { core } = evaluator;
    const value = autoCall(evaluator, args, candidate);
    if (!isOther(value, prefix)) return;
    const kind = kindOf(core.memory, value);
    if (kind === 'list') {
      evaluator.forEach(listElements(core.memory, addressOf(value)), (element, index) => {
        const path = join(prefix, String(index));
        if (isOther(element, path)) collect(element, path);
      });
    } else if (kind === 'set') collectAttributes(addressOf(value), prefix);
    else {
      throw new EvalError('eval/type', 'expression does not evaluate to a derivation (or a set or list of those)');
    }
  }

  function collectAttributes(attrs: number, prefix: string): void {
    const { core } = evaluator;
    const combines = core.lookup(attrs, core.internText('_combineChannels')) !== undefined;
    evaluator.forEach(core.sortedAttributes(attrs), ({ symbol, position, word: inner }) => {
      const name = core.nameOf(symbol);
      if (!/^[A-Za-z_][A-Za-z0-9_+-]*$/.test(name)) return;
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
    });
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
export function derivationPathOf(evaluator: Evaluator, found: Package): StorePath {
  const path = declaredDerivationPathOf(evaluator, found);
  if (path === undefined) throw new EvalError('eval/error', "derivation does not contain a 'drvPath' attribute");
  return path;
}

/** As `derivationPathOf`, undefined where it has none. */
export function declaredDerivationPathOf(evaluator: Evaluator, { attrs }: Package): StorePath | undefined {
  const text = stringAttribute(evaluator, attrs, 'drvPath');
  if (text === undefined) return undefined;
  const path = parseStorePathIn(evaluator.io.storeDir, text);
  const doing = "while evaluating the 'drvPath' attribute of a derivation";
  const position = attribute(evaluator, attrs, 'drvPath')?.position;
  evaluator.run(() => within(evaluator, doing, () => requireDerivationPath(path), position));
  return path;
}

/**
 * As `declaredDerivationPathOf`, for packages whose derivation may be what another one makes: `drvPath` is a placeholder of
 * that output then, and not a store path.
 */
export function declaredDerivationOf(evaluator: Evaluator, found: Package): SingleDerivingPath | undefined {
  const drvPath = attribute(evaluator, found.attrs, 'drvPath');
  const text = stringAttribute(evaluator, found.attrs, 'drvPath');
  if (drvPath !== undefined && text !== undefined && /^\/[0-9a-z]{52}$/.test(text)) {
    const doing = "while evaluating the 'drvPath' attribute of a derivation";
    return evaluator.run(() => forceDerivingPath(evaluator, drvPath.word, doing, drvPath.position));
  }
  const path = declaredDerivationPathOf(evaluator, found);
  return path === undefined ? undefined : opaquePath(path);
}

/** The name of the output that a package stands for; empty where it has none. */
export function outputNameOf(evaluator: Evaluator, { attrs }: Package): OutputName {
  const found = attribute(evaluator, attrs, 'outputName');
  if (found === undefined) return brandAs<OutputName>('');
  const doing = 'while evaluating the output name of a derivation';
  return evaluator.run(() => forcePlainString(evaluator, found.word, doing));
}

/** The names of a package's outputs, in byte order; `out` where it does not say. */
export function outputsOf(evaluator: Evaluator, { attrs }: Package): OutputName[] {
  const found = attribute(evaluator, attrs, 'outputs');
  if (found === undefined) return [byteStringFromText('out')];
  return evaluator.run(() => {
    const listText = "while evaluating the 'outputs' attribute of a derivation";
    const list = forceList(evaluator, found.word, listText, found.position);
    const nameText = 'while evaluating the name of an output of a derivation';
    const names = listElements(evaluator.core.memory, list).map(element =>
      forcePlainString(evaluator, element, nameText, found.position),
    );
    return [...new Set(names)].toSorted();
  });
}

/**
 * Those of a package's outputs that are meant where nobody says which: the one that was selected (`outputSpecified`),
 * else `meta.outputsToInstall`, else all. In byte order. Throws `eval/error` where these are no outputs of it.
 */
export function outputsToInstallOf(evaluator: Evaluator, found: Package): OutputName[] {
  const outputs = outputsOf(evaluator, found);
  const specified = attribute(evaluator, found.attrs, 'outputSpecified');
  const doing = "while evaluating the 'outputSpecified' attribute of a derivation";
  if (specified !== undefined && evaluator.run(() => forceBool(evaluator, specified.word, doing, specified.position))) {
    const name = outputNameOf(evaluator, found);
    if (outputs.includes(name)) return [name];
    throw new EvalError('eval/error', `derivation does not have output '${mark(displayBytes(name))}'`);
  }
  const wanted = metaOf(evaluator, found, 'outputsToInstall');
  if (wanted === undefined) return outputs;
  const { core } = evaluator;
  const elements = kindOf(core.memory, wanted) === 'list' ? listElements(core.memory, addressOf(wanted)) : undefined;
  const names = elements?.map(element => {
    const value = evaluator.force(element);
    return kindOf(core.memory, value) === 'string' ? core.memory.string(addressOf(value)) : undefined;
  });
  const chosen = names?.filter(name => name !== undefined && outputs.includes(name));
  if (names === undefined || chosen === undefined || chosen.length < names.length) {
    throw new EvalError('eval/error', "this derivation has bad 'meta.outputsToInstall'");
  }
  return outputs.filter(name => chosen.includes(name));
}

/** What `meta` says of `name`, evaluated; undefined where that is nothing, or nothing that could be written down. */
export function metaOf(evaluator: Evaluator, { attrs }: Package, name: string): Word | undefined {
  const { core } = evaluator;
  const meta = attribute(evaluator, attrs, 'meta');
  if (meta === undefined) return undefined;
  const doing = "while evaluating the 'meta' attribute of a derivation";
  return evaluator.run(() => {
    const found = attribute(evaluator, forceSet(evaluator, meta.word, doing, meta.position), name);
    return found !== undefined && plainDataOf(evaluator, found.word) !== undefined ? core.force(found.word) : undefined;
  });
}

/** What `meta` says, by names, as far as it could be written down; names alone where that is all there is. */
export function allMetaOf(evaluator: Evaluator, { attrs }: Package): Map<ByteString, PlainData | undefined> {
  const { core } = evaluator;
  const meta = attribute(evaluator, attrs, 'meta');
  if (meta === undefined) return new Map();
  const doing = "while evaluating the 'meta' attribute of a derivation";
  return evaluator.run(() => {
    const members = core.sortedAttributes(forceSet(evaluator, meta.word, doing, meta.position));
    return new Map(members.map(({ symbol, word }) => [core.nameOf(symbol), plainDataOf(evaluator, word)] as const));
  });
}

/** The name and version of a package. */
export function packageNameOf(evaluator: Evaluator, { attrs }: Package): ByteString {
  const found = attribute(evaluator, attrs, 'name');
  if (found === undefined) throw new EvalError('eval/type', 'derivation name missing');
  const doing = "while evaluating the 'name' attribute of a derivation";
  return evaluator.run(() => forcePlainString(evaluator, found.word, doing));
}

/** What a package is for; `unknown` where it does not say. */
export function systemOf(evaluator: Evaluator, { attrs }: Package): ByteString {
  const found = attribute(evaluator, attrs, 'system');
  if (found === undefined) return byteStringFromText('unknown');
  const doing = "while evaluating the 'system' attribute of a derivation";
  return evaluator.run(() => forcePlainString(evaluator, found.word, doing, found.position));
}

/** Throws `eval/error` where it has none. */
export function outPathOf(evaluator: Evaluator, { attrs }: Package): StorePath {
  const doing = 'while evaluating the output path of a derivation';
  const found = storePathAttribute(evaluator, attrs, doing);
  if (found === undefined) throw new EvalError('eval/error', "derivation does not have attribute 'outPath'");
  return found;
}

/** Of those of its outputs that say where they are. */
export function outputPathsOf(evaluator: Evaluator, found: Package): Map<OutputName, StorePath> {
  if (attribute(evaluator, found.attrs, 'outputs') === undefined) {
    return new Map([[byteStringFromText('out'), outPathOf(evaluator, found)]]);
  }
  const paths = new Map<OutputName, StorePath>();
  for (const output of outputsOf(evaluator, found)) {
    const member = evaluator.core.lookup(found.attrs, evaluator.core.internText(output));
    if (member === undefined) continue;
    const setText = 'while evaluating an output of a derivation';
    const attrs = evaluator.run(() => forceSet(evaluator, member.word, setText, member.position));
    const path = storePathAttribute(evaluator, attrs, 'while evaluating an output path of a derivation');
    if (path !== undefined) paths.set(output, path);
  }
  return paths;
}

function storePathAttribute(evaluator: Evaluator, attrs: number, doing: string): StorePath | undefined {
  const found = attribute(evaluator, attrs, 'outPath');
  if (found === undefined) return undefined;
  return evaluator.run(() =>
    within(evaluator, doing, () => {
      const { text } = evaluator.core.coerce(found.word, coerce.canonical);
      return parseStorePathIn(evaluator.io.storeDir, text);
    }),
  );
}

function attribute(evaluator: Evaluator, attrs: number, name: string) {
  return evaluator.core.lookup(attrs, evaluator.core.internText(name));
}

function stringAttribute(evaluator: Evaluator, attrs: number, name: string): ByteString | undefined {
  const found = attribute(evaluator, attrs, name);
  if (found === undefined) return undefined;
  return evaluator.run(() => evaluator.core.coerce(found.word, coerce.canonical)).text;
}
