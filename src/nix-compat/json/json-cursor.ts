import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { expectArray, expectBoolean, expectCount, expectKey, expectObject, expectString } from './expect-json.ts';
import type { JsonValue } from './json-value.ts';

/**
 * A value within a JSON text and the way to it, for readers whose refusals should say where: every method throws what
 * the `expect...` functions throw, with the place appended.
 *
 *     new JsonCursor(json).member('outputs').member('out').member('path').read(value => parseStorePath(expectString(value)))
 */
export class JsonCursor {
  readonly value: JsonValue;
  readonly #parent: JsonCursor | undefined;
  readonly #step: string;

  constructor(value: JsonValue, at?: { readonly parent: JsonCursor; readonly step: string }) {
    this.value = value;
    this.#parent = at?.parent;
    this.#step = at?.step ?? '';
  }

  /** The way from the top: `outputs.out.path`, `args[3]`; empty for the top itself. */
  get path(): string {
    const steps = [this.#step];
    for (let above = this.#parent; above !== undefined; above = above.#parent) steps.push(above.#step);
    return steps.toReversed().join('').replace(/^\./, '');
  }

  member(key: string): JsonCursor {
    return this.#below(
      this.read(value => expectKey(expectObject(value), key)),
      `.${key}`,
    );
  }

  optionalMember(key: string): JsonCursor | undefined {
    const value = this.read(expectObject).get(byteStringFromText(key));
    return value === undefined ? undefined : this.#below(value, `.${key}`);
  }

  members(): [ByteString, JsonCursor][] {
    return Array.from(this.read(expectObject), ([key, value]) => [key, this.#below(value, `.${displayBytes(key)}`)]);
  }

  elements(): JsonCursor[] {
    return this.read(expectArray).map((value, index) => this.#below(value, `[${index}]`));
  }

  string(): ByteString {
    return this.read(expectString);
  }

  strings(): ByteString[] {
    return this.elements().map(element => element.string());
  }

  boolean(): boolean {
    return this.read(expectBoolean);
  }

  count(): number {
    return this.read(expectCount);
  }

  /** Applies `parse`, and appends the place to what it refuses. */
  read<T>(parse: (value: JsonValue) => T): T {
    try {
      return parse(this.value);
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      throw this.refuse(error.code, error.message, error);
    }
  }

  /** An error about this value. */
  refuse(code: NixCompatError['code'], complaint: string, cause?: NixCompatError): NixCompatError {
    const place = this.path === '' ? 'at the top of the JSON' : `at '${excerpt(this.path)}' in the JSON`;
    return new NixCompatError(code, `${complaint} (${place})`, { cause });
  }

  #below(value: JsonValue, step: string): JsonCursor {
    return new JsonCursor(value, { parent: this, step });
  }
}
