import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type Evaluator,
  type FlakeRef,
  type InputAttributes,
  type Word,
  addressOf,
  evalError,
  flakeRefFromAttributes,
  forceTrivial,
  formatFlakeRef,
  intOf,
  isSetTree,
  kindOf,
  argumentNames,
  listElements,
  parentOf,
  parseFlakeRef,
  pathTextOf,
  toJson,
  trueWord,
  typeError,
} from '../../eval/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { ConfigValue, Flake, FlakeInput, FlakeInputs } from './flake.ts';
import { noInputs } from './flake.ts';
import { type InputPath, parseInputPath } from './input-path.ts';
import { withTrace } from '../evaluation/with-trace.ts';

/** Where a flake's `flake.nix` is, and what the flake is called. */
export interface FlakePlace extends Pick<
  Flake,
  'original' | 'resolved' | 'locked' | 'path' | 'shown' | 'treeFingerprint'
> {
  /** The input that the flake is of the one that is locked. */
  readonly inputPath: InputPath;
}

/** Reads `flake.nix`, of which nothing may be computed but the outputs. Throws `eval/…`. */
export function readFlake(evaluator: Evaluator, place: FlakePlace): Flake {
  const { path, shown, resolved } = place;
  const text = evaluator.files.read(path);
  const tree = evaluator.parse(text, { kind: 'file', path: shown }, parentOf(path));
  if (!isSetTree(evaluator, tree)) {
    return withTrace({ text: `while evaluating the file '${shown}':` }, () => {
      throw evalError`file '${shown}' must be an attribute set`;
    });
  }
  return new FlakeReader(evaluator, place).read(evaluator.evaluate(tree), formatFlakeRef(resolved));
}

interface Attribute {
  readonly name: string;
  readonly word: Word;
  readonly position: number;
}

type TypeName = 'set' | 'string' | 'bool' | 'lambda';

const typeNames: { readonly [type in TypeName]: string } = {
  set: 'a set',
  string: 'a string',
  bool: 'a Boolean',
  lambda: 'a function',
};

class FlakeReader {
  readonly #evaluator: Evaluator;
  readonly #place: FlakePlace;
  #selfAttributes: InputAttributes = new Map();

  constructor(evaluator: Evaluator, place: FlakePlace) {
    this.#evaluator = evaluator;
    this.#place = place;
  }

  read(file: Word, shown: string): Flake {
    const { inputPath: _, ...place } = this.#place;
    const attributes = new Map(this.#attributes(file).map(attribute => [attribute.name, attribute]));
    const description = attributes.get('description');
    const text = description === undefined ? undefined : this.#text(this.#expect('string', description));
    const given = attributes.get('inputs');
    const inputs = new Map(given === undefined ? [] : this.#readInputs(given, true));
    const outputs = attributes.get('outputs');
    if (outputs === undefined) throw evalError`flake '${shown}' lacks attribute '${'outputs'}'`;
    for (const name of this.#argumentNames(outputs)) {
      if (name === 'self' || inputs.has(name)) continue;
      inputs.set(name, { reference: parseFlakeRef(name), isFlake: true, follows: undefined, overrides: noInputs });
    }
    const nixConfig = attributes.get('nixConfig');
    const config = nixConfig === undefined ? new Map<string, ConfigValue>() : this.#readConfig(nixConfig);
    for (const { name, position } of attributes.values()) {
      if (['description', 'inputs', 'outputs', 'nixConfig'].includes(name)) continue;
      throw evalError`flake '${shown}' has an unsupported attribute '${name}', at ${this.#placeOf(position)}`;
    }
    const sorted = new Map([...inputs].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const selfAttributes = this.#selfAttributes;
    return { ...place, description: text, inputs: sorted, selfAttributes, config };
  }

  #attributes(set: Word): Attribute[] {
    const { core } = this.#evaluator;
    return core.sortedAttributes(addressOf(set)).map(({ symbol, word, position }) => {
      return { name: displayBytes(core.nameOf(symbol)), word, position };
    });
  }

  #kindOf(word: Word) {
    return kindOf(this.#evaluator.core.memory, word);
  }

  #text(word: Word): string {
    return displayBytes(this.#evaluator.core.memory.string(addressOf(word)));
  }

  #placeOf(position: number): string {
    return this.#evaluator.positions.format(position);
  }

  /** What a type is called, without what is special about the value. */
  #typeOf(word: Word): string {
    const kind = this.#kindOf(word);
    if (kind === 'string') return 'a string';
    return kind === 'builtin' || kind === 'partial' ? 'a function' : this.#evaluator.errors.describe(word);
  }

  #expect(type: TypeName, { word, position }: Pick<Attribute, 'word' | 'position'>): Word {
    const value = forceTrivial(this.#evaluator, word);
    const kind = this.#kindOf(value);
    if (kind === type || (type === 'lambda' && (kind === 'builtin' || kind === 'partial'))) return value;
    throw evalError`expected ${typeNames[type]} but got ${this.#typeOf(value)} at ${this.#placeOf(position)}`;
  }

  #argumentNames(outputs: Attribute): string[] {
    return argumentNames(this.#evaluator, this.#expect('lambda', outputs));
  }

  #readInputs(inputs: Attribute, allowsSelf: boolean): FlakeInputs {
    const found = new Map<string, FlakeInput>();
    for (const attribute of this.#attributes(this.#expect('set', inputs))) {
      const { name, position } = attribute;
      if (name !== 'self') {
        found.set(name, this.#readInput(attribute));
        continue;
      }
      if (!allowsSelf) throw evalError`'self' input attribute not allowed at ${this.#placeOf(position)}`;
      for (const each of this.#attributes(this.#expect('set', attribute))) {
        this.#selfAttributes.set(each.name, this.#readInputAttribute(each));
      }
    }
    return found;
  }

  #readInput(input: Attribute): FlakeInput {
    const attributes: InputAttributes = new Map();
    let isFlake = true;
    let overrides = noInputs;
    let follows: InputPath | undefined;
    for (const attribute of this.#attributes(this.#expect('set', input))) {
      const { name, position } = attribute;
      const trace = {
        text: `while evaluating flake attribute '${name}'`,
        position: this.#evaluator.positions.resolve(position),
      };
      withTrace(trace, () => {
        if (name === 'url') attributes.set('url', this.#readUrl(attribute));
        else if (name === 'flake') isFlake = this.#expect('bool', attribute).low === trueWord.low;
        else if (name === 'inputs') overrides = this.#readInputs(attribute, false);
        else if (name === 'follows') {
          follows = [...this.#place.inputPath, ...parseInputPath(this.#text(this.#expect('string', attribute)))];
        } else attributes.set(name, this.#readInputAttribute(attribute));
      });
    }
    const reference = this.#referenceOf(attributes, { position: input.position, isFlake });
    if (reference !== undefined && follows !== undefined) {
      throw evalError`flake input has both a flake reference and a follows attribute, at ${this.#placeOf(input.position)}`;
    }
    return { reference, isFlake, follows, overrides };
  }

  #referenceOf(
    attributes: InputAttributes,
    { position, isFlake }: { readonly position: number; readonly isFlake: boolean },
  ): FlakeRef | undefined {
    if (attributes.has('type')) {
      const trace = {
        text: 'while evaluating flake input',
        position: this.#evaluator.positions.resolve(position),
      };
      return withTrace(trace, () => flakeRefFromAttributes(attributes));
    }
    const other = [...attributes.keys()].filter(name => name !== 'url').toSorted()[0];
    if (other !== undefined) {
      throw evalError`unexpected flake input attribute '${other}', at ${this.#placeOf(position)}`;
    }
    const url = attributes.get('url');
    return typeof url === 'string' ? parseFlakeRef(url, { keepsRelative: true, wantsTree: isFlake }) : undefined;
  }

  #readUrl({ word, position }: Attribute): string {
    const value = forceTrivial(this.#evaluator, word);
    const kind = this.#kindOf(value);
    if (kind === 'string') return this.#text(value);
    if (kind !== 'path') {
      throw evalError`expected a string or a path but got ${this.#typeOf(value)} at ${this.#placeOf(position)}`;
    }
    const { memory } = this.#evaluator.core;
    return `path:${relativePath(parentOf(this.#place.path), memory.string(pathTextOf(memory, value)))}`;
  }

  #readInputAttribute({ name, word }: Attribute): string | bigint | boolean {
    const evaluator = this.#evaluator;
    const { memory } = evaluator.core;
    const kind = kindOf(memory, word);
    if (kind === 'string') return this.#text(word);
    if (kind === 'bool') return word.low === trueWord.low;
    if (kind === 'int') {
      const number = intOf(memory, word);
      if (number < 0n) throw evalError`negative value given for flake input attribute ${name}: ${number}`;
      return number;
    }
    if (name === 'publicKeys') {
      evaluator.requireFeature('verified-fetches');
      return displayBytes(evaluator.run(() => toJson(evaluator, word, { copies: false }).text));
    }
    const type = evaluator.errors.describe(word);
    throw typeError`flake input attribute '${name}' is ${type} while a string, Boolean, or integer is expected`;
  }

  #readConfig(nixConfig: Attribute): Map<string, ConfigValue> {
    const settings = this.#attributes(this.#expect('set', nixConfig));
    return new Map(settings.map(setting => [setting.name, this.#readSetting(setting)]));
  }

  #readSetting({ name, word }: Attribute): ConfigValue {
    const evaluator = this.#evaluator;
    const { core, io } = evaluator;
    const value = forceTrivial(evaluator, word);
    const kind = this.#kindOf(value);
    if (kind === 'string') return this.#text(value);
    if (kind === 'int') return intOf(core.memory, value);
    if (kind === 'bool') return value.low === trueWord.low;
    if (kind === 'path') {
      const path = core.memory.string(pathTextOf(core.memory, value));
      return displayBytes(printStorePath(io.storeDir, io.addPath({ path, name: 'source', method: 'nar' })));
    }
    const type = evaluator.errors.describe(value);
    if (kind !== 'list') throw typeError`flake configuration setting '${name}' is ${type}`;
    return listElements(core.memory, addressOf(value)).map(element => {
      if (this.#kindOf(element) === 'string') return this.#text(element);
      throw typeError`list element in flake configuration setting '${name}' is ${type} while a string is expected`;
    });
  }
}

/** The way from a folder to a path, both absolute. */
function relativePath(folder: ByteString, path: ByteString): string {
  const [from, to] = [folder, path].map(each => each.split('/').filter(part => part !== ''));
  let common = 0;
  while (common < (from?.length ?? 0) && from?.[common] === to?.[common]) common++;
  const up = (from ?? []).slice(common).map(() => '..');
  const parts = [...up, ...(to ?? []).slice(common)];
  return parts.length === 0 ? '.' : displayBytes(brandAs<ByteString>(parts.join('/')));
}
