import type { Random } from '../random.ts';
import {
  type Form,
  type LiteralName,
  type Type,
  any,
  bool,
  float,
  forms,
  int,
  list,
  literals,
  path,
  set,
  string,
} from './signatures.ts';

const strings = [
  '""',
  '"a"',
  '"b"',
  '"ab"',
  '"a b"',
  '"x${"y"}z"',
  '"ü"',
  '"1"',
  '"a\\nb"',
  '"aab"',
  '"xyx"',
  '"$"',
  '"\\${"',
];
const ints = ['0', '1', '2', '3', '7', '-1', '42', '9223372036854775807', '1000000'];
const floats = ['0.0', '1.5', '-2.25', '1.0e10', '3.0', '.5', '1.0e-3'];
const names = ['a', 'b', 'c', '"a b"', 'name', 'value', 'x'];
const paths = ['/a', '/a/b', '/etc/hostname', '/nonexistent/${"c"}'];

interface Variable {
  readonly name: string;
  readonly type: Type;
}

/** A program, and how often it has which builtin or operator. */
export interface Program {
  readonly text: string;
  readonly uses: readonly string[];
}

/** Writes a program whose parts mostly have the types that they should have. It has no line breaks. */
export function generateProgram(random: Random): Program {
  const writer = new ProgramWriter(random);
  const type = random.pick([int, bool, string, list(int), set(int), any, list(any), set(any), float]);
  const text = writer.write(type, 2 + random.below(3), []);
  // A minus sign in front would be taken for a flag.
  return { text: text.startsWith('-') ? ` ${text}` : text, uses: writer.uses };
}

class ProgramWriter {
  readonly uses: string[] = [];
  readonly #random: Random;
  #variables = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  write(type: Type, depth: number, scope: readonly Variable[]): string {
    const random = this.#random;
    // Now and then something else than is asked for.
    if (random.oneIn(60)) return this.write(random.pick([int, string, bool, any, list(any), set(any)]), 1, scope);
    const known = scope.filter(variable => suits(variable.type, type));
    if (known.length > 0 && random.oneIn(3)) return random.pick(known).name;
    if (type.kind === 'function') return this.#lambda(type, depth, scope);
    if (depth > 0 && random.oneIn(8)) return this.#let(type, depth, scope);
    const suitable = depth > 0 && !random.oneIn(5) ? forms.filter(form => suits(form.gives, type)) : [];
    return suitable.length > 0 ? this.#form(random.pick(suitable), depth, scope) : this.#literal(type, depth, scope);
  }

  #form(form: Form, depth: number, scope: readonly Variable[]): string {
    this.uses.push(form.name);
    return form.text
      .replaceAll(/%([a-zA-Z]+)/g, (_, name: string) => {
        return isLiteral(name) ? this.#random.pick(literals[name]) : `%${name}`;
      })
      .replaceAll(/\$([1-9])/g, (whole, index: string) => {
        const type = form.takes[Number(index) - 1];
        return type === undefined ? whole : this.write(type, depth - 1, scope);
      });
  }

  #let(type: Type, depth: number, scope: readonly Variable[]): string {
    const bound = this.#random.pick([int, string, list(int), set(int), bool, any]);
    const name = this.#newName();
    const value = this.write(bound, depth - 1, scope);
    return `(let ${name} = ${value}; in ${this.write(type, depth - 1, [...scope, { name, type: bound }])})`;
  }

  #lambda(type: Extract<Type, { kind: 'function' }>, depth: number, scope: readonly Variable[]): string {
    const formals = type.takes.map(taken => ({ name: this.#newName(), type: taken }));
    const body = this.write(type.gives, Math.max(1, depth - 1), [...scope, ...formals]);
    return `(${formals.map(({ name }) => `${name}: `).join('')}${body})`;
  }

  #newName(): string {
    return `v${++this.#variables}`;
  }

  #literal(type: Type, depth: number, scope: readonly Variable[]): string {
    const random = this.#random;
    switch (type.kind) {
      case 'int':
        return number(random.pick(ints));
      case 'float':
        return number(random.pick(floats));
      case 'number':
        return number(random.pick(random.oneIn(2) ? ints : floats));
      case 'bool':
        return random.oneIn(2) ? 'true' : 'false';
      case 'string':
        return random.pick(strings);
      case 'null':
        return 'null';
      case 'path':
        return random.pick(paths);
      case 'list': {
        const elements = Array.from({ length: random.below(4) }, () => `(${this.write(type.of, depth - 1, scope)})`);
        return `[ ${elements.join(' ')} ]`;
      }
      case 'set': {
        const chosen = names.filter(() => random.oneIn(3));
        return `{ ${chosen.map(name => `${name} = ${this.write(type.of, depth - 1, scope)}; `).join('')}}`;
      }
      case 'function':
        return this.#lambda(type, depth, scope);
      case 'any':
      default: {
        const types = [int, float, bool, string, path, { kind: 'null' } as const];
        if (depth > 0) types.push(list(any), set(any), { kind: 'function', takes: [int], gives: int });
        return this.write(random.pick(types), depth, scope);
      }
    }
  }
}

/** Minus signs bind less than calls do. */
function number(text: string): string {
  return text.startsWith('-') ? `(${text})` : text;
}

function isLiteral(name: string): name is LiteralName {
  return Object.hasOwn(literals, name);
}

/** Whether a value of type `given` will do where `wanted` is asked for. */
function suits(given: Type, wanted: Type): boolean {
  if (wanted.kind === 'any') return given.kind !== 'function';
  if (wanted.kind === 'number') return given.kind === 'int' || given.kind === 'float' || given.kind === 'number';
  if (given.kind !== wanted.kind) return false;
  if ((given.kind === 'list' || given.kind === 'set') && given.kind === wanted.kind) return suits(given.of, wanted.of);
  return given.kind !== 'function';
}
