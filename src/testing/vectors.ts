import { readFileSync } from 'node:fs';

/** The list `vectors` of a file below test/vectors; the caller says what they are. */
export function readVectors(file: string): readonly unknown[] {
  const url = new URL(`../../test/vectors/${file}`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { readonly vectors: readonly unknown[] }).vectors;
}

/** Looks up vectors of `name` and `hex` in a file below test/vectors. */
export function hexVectors(file: string): (name: string) => Buffer {
  const vectors = readVectors(file) as readonly { readonly name: string; readonly hex: string }[];
  const byName = new Map(vectors.map(({ name, hex }) => [name, Buffer.from(hex, 'hex')]));
  return name => {
    const bytes = byName.get(name);
    if (bytes === undefined) throw new Error(`no vector '${name}' in ${file}`);
    return bytes;
  };
}
