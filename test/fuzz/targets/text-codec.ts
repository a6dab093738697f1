import { type Target, requireEqual, seed } from '../target.ts';

/** A format of text, and its inverse where it has one. */
export interface TextCodec<T> {
  readonly name: string;
  readonly seeds: () => readonly string[];
  readonly dictionary: readonly string[];
  readonly parse: (input: Uint8Array) => T;
  /** As bytes, one code unit each. */
  readonly format?: (value: T) => string;
  /** Whether all that is accepted is what `format` writes. */
  readonly canonical?: boolean;
  readonly givesOffset?: (code: string) => boolean;
}

/** What is parsed, written and parsed again has to be the same; written again too. */
export function textTarget<T>(codec: TextCodec<T>): Target {
  const { name, dictionary, parse, format, canonical = false } = codec;
  return {
    name,
    flavour: 'text',
    seeds: () => codec.seeds().map(seed),
    dictionary,
    ...(codec.givesOffset === undefined ? {} : { givesOffset: codec.givesOffset }),
    run(input) {
      const value = parse(input);
      if (format !== undefined) {
        const printed = seed(format(value));
        if (canonical) requireEqual(printed, input, 'what is accepted is written differently');
        const again = parse(printed);
        requireEqual(again, value, 'what is written is read differently');
        requireEqual(seed(format(again)), printed, 'what is written is then written differently');
      }
      return value;
    },
  };
}
