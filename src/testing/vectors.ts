import { readFileSync } from 'node:fs';

/** The list `vectors` of a file below test/vectors; the caller says what they are. */
export function readVectors(file: string): readonly unknown[] {
  const url = new URL(`../../test/vectors/${file}`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { readonly vectors: readonly unknown[] }).vectors;
}
