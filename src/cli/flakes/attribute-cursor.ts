import { displayBytes } from '../../base/index.ts';
import { EvalError, type Evaluator, type Word, addressOf, evalError, isDerivation, kindOf } from '../../eval/index.ts';

/** A place in what a flake is, by the names that lead there; evaluated as far as is asked for. */
export class AttributeCursor {
  readonly path: readonly string[];
  readonly #evaluator: Evaluator;
  readonly #word: Word;

  constructor(evaluator: Evaluator, word: Word, path: readonly string[] = []) {
    this.#evaluator = evaluator;
    this.#word = word;
    this.path = path;
  }

  /** What messages call it. */
  get shown(): string {
    return this.path.join('.');
  }

  get value(): Word {
    return this.#evaluator.force(this.#word);
  }

  #attrs(): number | undefined {
    const value = this.value;
    return kindOf(this.#evaluator.core.memory, value) === 'set' ? addressOf(value) : undefined;
  }

  /** Undefined where there is no such attribute, or this is no set. */
  find(name: string): AttributeCursor | undefined {
    const attrs = this.#attrs();
    const { core } = this.#evaluator;
    const found = attrs === undefined ? undefined : core.lookup(attrs, core.internText(name));
    return found === undefined ? undefined : new AttributeCursor(this.#evaluator, found.word, [...this.path, name]);
  }

  /** Throws `eval/error` where there is no such attribute. */
  get(name: string): AttributeCursor {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw evalError`attribute '${[...this.path, name].join('.')}' does not exist`;
  }

  /** In the order of their bytes. Throws `eval/type` for what is no set. */
  names(): string[] {
    const attrs = this.#attrs();
    if (attrs === undefined)
      throw new EvalError('eval/type', evalError`'${this.shown}' is not an attribute set`.message);
    const { core } = this.#evaluator;
    return core.sortedAttributes(attrs).map(({ symbol }) => displayBytes(core.nameOf(symbol)));
  }

  /** Throws `eval/type` for what is no string. */
  text(): string {
    const { core, errors } = this.#evaluator;
    const value = this.value;
    if (kindOf(core.memory, value) === 'string') return displayBytes(core.memory.string(addressOf(value)));
    const message = evalError`'${this.shown}' is not a string but ${errors.describe(value)}`.message;
    throw new EvalError('eval/type', message);
  }

  isDerivation(): boolean {
    const attrs = this.#attrs();
    return attrs !== undefined && this.#evaluator.run(() => isDerivation(this.#evaluator, attrs));
  }
}
