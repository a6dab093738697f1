import { type ByteString, byteStringFromText, displayBytes, editDistance } from '../../base/index.ts';
import { findFlakeWithFragment } from '../../engine/index.ts';
import {
  EvalError,
  type Evaluator,
  type FlakeRef,
  type Word,
  addressOf,
  coerceToPath,
  declaredDerivationOf,
  evalError,
  forceBool,
  forceDerivingPath,
  formatFlakeRef,
  intOf,
  isDerivation,
  kindOf,
  listElements,
  parseSelectionPath,
} from '../../eval/index.ts';
import {
  type DerivingPath,
  type OutputsSpec,
  derivingPathOf,
  namedOutputs,
  opaquePath,
} from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { splitInstallable } from './installable.ts';

/** Which attributes of a flake's outputs a command means. */
export interface FlakeAttributes {
  /** Where nobody names one: the first that there is. */
  readonly defaults: readonly string[];
  /** What is put before a name that somebody gives, before that is taken as it is. */
  readonly prefixes: readonly string[];
}

export function packageAttributes(system: string): FlakeAttributes {
  return {
    defaults: [`packages.${system}.default`, `defaultPackage.${system}`],
    prefixes: [`packages.${system}.`, `legacyPackages.${system}.`],
  };
}

/** `flake#attribute^outputs`, as it was typed. */
export interface FlakeInstallable {
  readonly reference: FlakeRef;
  /** The attributes that may be meant, best first. */
  readonly attributes: readonly string[];
  readonly outputs: OutputsSpec | undefined;
  /** What messages call it. */
  readonly what: string;
}

/** Throws `eval/error` for what is no reference of a flake, `installable/bad-outputs`. */
export function parseFlakeInstallable(
  text: ByteString,
  { defaults, prefixes }: FlakeAttributes,
  { log, baseFolder: folder }: CommandContext,
): FlakeInstallable {
  const { prefix, outputs } = splitInstallable(text);
  const baseFolder = displayBytes(folder);
  const { flake, fragment } = findFlakeWithFragment(displayBytes(prefix), { baseFolder, reporter: log });
  const given = fragment === '' ? defaults : [fragment];
  const [first = ''] = given;
  const isExact = given.length === 1 && first.startsWith('.');
  const before = fragment === '' ? [] : prefixes;
  return {
    reference: flake,
    attributes: isExact ? [first.slice(1)] : [...before.map(each => each + first), ...given],
    outputs,
    what: `${formatFlakeRef(flake)}#${first}`,
  };
}

export function isFlakeInstallable(installable: object): installable is FlakeInstallable {
  return 'reference' in installable;
}

/** What an installable asks, as data. */
export function questionOf({ reference, attributes, outputs }: FlakeInstallable): readonly unknown[] {
  return [formatFlakeRef(reference), attributes, outputs];
}

/** An attribute of a flake's outputs that there is. */
export interface FoundAttribute {
  readonly path: string;
  readonly value: Word;
}

/**
 * The attributes that there are of those that may be meant; the first counts. Throws `eval/error` where there is none, and
 * what evaluating throws.
 */
export function findAttributes(
  evaluator: Evaluator,
  outputs: Word,
  { reference, attributes }: FlakeInstallable,
): FoundAttribute[] {
  const found: FoundAttribute[] = [];
  const near = new Map<string, number>();
  for (const path of attributes) {
    const result = findAlong(evaluator, outputs, path);
    if (result.kind === 'found') found.push({ path, value: result.value });
    else for (const [name, distance] of result.near) near.set(name, Math.min(distance, near.get(name) ?? distance));
  }
  if (found.length > 0) return found;
  const quoted = attributes.map(path => `'${path}'`);
  const list = quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
  const message = evalError`flake '${formatFlakeRef(reference)}' does not provide attribute ${list}`.message;
  throw new EvalError('eval/error', message, { suggestions: bestOf(near) });
}

const maxDistance = 2;
const maxSuggestions = 5;

function bestOf(near: ReadonlyMap<string, number>): string[] {
  return [...near]
    .filter(([, distance]) => distance <= maxDistance)
    .toSorted(([nameA, a], [nameB, b]) => a - b || (nameA < nameB ? -1 : 1))
    .slice(0, maxSuggestions)
    .map(([name]) => name);
}

/** What a fragment that is typed so far can become. */
export function fragmentsFrom(
  evaluator: Evaluator,
  outputs: Word,
  { defaults, prefixes }: FlakeAttributes,
  typed: string,
): string[] {
  const { core } = evaluator;
  const isExact = typed.startsWith('.');
  const [root, fragment] = isExact ? ['.', typed.slice(1)] : ['', typed];
  const found: string[] = [];
  for (const prefix of isExact ? [''] : [...prefixes, '']) {
    const dot = fragment.lastIndexOf('.') + 1;
    const [parents, start] = [fragment.slice(0, dot), fragment.slice(dot)];
    const place = findAlong(evaluator, outputs, prefix + parents);
    const value = place.kind === 'found' ? evaluator.force(place.value) : undefined;
    if (value === undefined || kindOf(core.memory, value) !== 'set') continue;
    const names = core.sortedAttributes(addressOf(value)).map(({ symbol }) => displayBytes(core.nameOf(symbol)));
    found.push(...names.filter(name => name.startsWith(start)).map(name => root + parents + name));
  }
  const hasDefault = defaults.some(path => findAlong(evaluator, outputs, path).kind === 'found');
  return fragment === '' && hasDefault ? [...found, root] : found;
}

type Along =
  | { readonly kind: 'found'; readonly value: Word }
  /** Names that there are instead, with how far they are from the one that is not. */
  | { readonly kind: 'missing'; readonly near: readonly (readonly [string, number])[] };

/** What an attribute path leads to; nothing is called on the way. */
export function findAlong(evaluator: Evaluator, start: Word, path: string): Along {
  const { core } = evaluator;
  let value = start;
  const passed: string[] = [];
  for (const name of parseSelectionPath(byteStringFromText(path))) {
    value = evaluator.force(value);
    if (kindOf(core.memory, value) !== 'set') {
      throw new EvalError('eval/type', evalError`'${passed.join('.')}' is not an attribute set`.message);
    }
    const attrs = addressOf(value);
    const attribute = core.lookup(attrs, core.intern(name));
    if (attribute === undefined) {
      const names = core.attributes(attrs).map(({ symbol }) => displayBytes(core.nameOf(symbol)));
      return { kind: 'missing', near: names.map(each => [each, editDistance(displayBytes(name), each)] as const) };
    }
    passed.push(displayBytes(name));
    value = attribute.word;
  }
  return { kind: 'found', value };
}

/** What is to be built of an attribute, and what profiles note of it. */
export interface FlakeTarget {
  readonly path: DerivingPath;
  readonly priority: number | undefined;
}

/** The outputs of a derivation that is meant, or a store path. Throws `eval/error` for what is neither. */
export function targetOf(
  evaluator: Evaluator,
  { path, value }: FoundAttribute,
  outputs: OutputsSpec | undefined,
): FlakeTarget {
  const { core } = evaluator;
  const forced = evaluator.force(value);
  const kind = kindOf(core.memory, forced);
  const isPackage = kind === 'set' && evaluator.run(() => isDerivation(evaluator, addressOf(forced)));
  if (!isPackage) return { path: pathOf(evaluator, path, forced), priority: undefined };
  const attrs = addressOf(forced);
  const derivation = declaredDerivationOf(evaluator, { attributePath: path, attrs });
  if (derivation === undefined) throw evalError`attribute '${`${path}.drvPath`}' does not exist`;
  const meta = attributeOf(evaluator, attrs, 'meta');
  const isSpecified = attributeOf(evaluator, attrs, 'outputSpecified') !== undefined;
  const meant = outputs ?? namedOutputs(defaultOutputs(evaluator, attrs, meta));
  const priority = isSpecified || meta === undefined ? undefined : priorityOf(evaluator, meta);
  return { path: { kind: 'built', derivation, outputs: meant }, priority };
}

function pathOf(evaluator: Evaluator, attribute: string, value: Word): DerivingPath {
  const kind = kindOf(evaluator.core.memory, value);
  const doing = `while evaluating the flake output attribute '${attribute}'`;
  if (kind === 'path') {
    return evaluator.run(() => {
      const path = evaluator.files.resolve(coerceToPath(evaluator, value, doing).path, 'ancestors');
      return opaquePath(evaluator.io.addPath({ path, name: 'source', method: 'nar' }));
    });
  }
  if (kind === 'string') return derivingPathOf(evaluator.run(() => forceDerivingPath(evaluator, value, doing)));
  const [type, shown] = [evaluator.errors.describe(value), evaluator.print(value)];
  throw evalError(
    [`expected flake output attribute '`, `' to be a derivation or path but found ${type}: ${shown}`],
    attribute,
  );
}

/** A value in a set, evaluated. */
function attributeOf(evaluator: Evaluator, set: number, name: string): Word | undefined {
  const { core } = evaluator;
  const found = core.lookup(set, core.internText(name));
  return found === undefined ? undefined : evaluator.force(found.word, found.position);
}

function setOf(evaluator: Evaluator, value: Word): number | undefined {
  return kindOf(evaluator.core.memory, value) === 'set' ? addressOf(value) : undefined;
}

function defaultOutputs(evaluator: Evaluator, attrs: number, meta: Word | undefined): ByteString[] {
  const { memory } = evaluator.core;
  const text = (word: Word | undefined) => {
    const value = word === undefined ? undefined : evaluator.force(word);
    return value !== undefined && kindOf(memory, value) === 'string' ? [memory.string(addressOf(value))] : [];
  };
  const specified = attributeOf(evaluator, attrs, 'outputSpecified');
  let names: ByteString[] = [];
  if (specified !== undefined) {
    const isSpecified = evaluator.run(() => forceBool(evaluator, specified, ''));
    if (isSpecified) names = text(attributeOf(evaluator, attrs, 'outputName'));
  } else {
    const set = meta === undefined ? undefined : setOf(evaluator, meta);
    const list = set === undefined ? undefined : attributeOf(evaluator, set, 'outputsToInstall');
    const isList = list !== undefined && kindOf(memory, list) === 'list';
    if (isList) names = listElements(memory, addressOf(list)).flatMap(text);
  }
  return names.length === 0 ? [byteStringFromText('out')] : names;
}

function priorityOf(evaluator: Evaluator, meta: Word): number | undefined {
  const set = setOf(evaluator, meta);
  const value = set === undefined ? undefined : attributeOf(evaluator, set, 'priority');
  if (value === undefined || kindOf(evaluator.core.memory, value) !== 'int') return undefined;
  return Number(intOf(evaluator.core.memory, value));
}
