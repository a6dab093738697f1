import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What C++ Nix makes of a text: what `nix-instantiate --parse -` prints, or its message and where. */
export type SyntaxVector =
  | { readonly text: string; readonly printed: string }
  | { readonly text: string; readonly error: string; readonly place: string | undefined };

export const syntaxVectorFile = join(import.meta.dirname, '../../test/vectors/syntax/expressions.json');

export function readSyntaxVectors(): readonly SyntaxVector[] {
  return JSON.parse(readFileSync(syntaxVectorFile, 'utf8')) as SyntaxVector[];
}
