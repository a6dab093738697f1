import { type ByteString, byteStringFromText } from '../../base/index.ts';

/** What a shell is told to do with the completions: take them as they are, as file names, or as attribute paths. */
export type CompletionKind = 'normal' | 'filenames' | 'attrs';

/** Adds to `completions` what an argument that starts with `prefix` can be; `index` counts the arguments of its flag. */
export type Completer = (completions: Completions, prefix: ByteString, index: number) => void | Promise<void>;

/** Completes to those of `names` that start as typed. */
export function completeAmong(names: readonly string[]): Completer {
  return (completions, prefix) => {
    for (const name of names) if (name.startsWith(prefix)) completions.add(byteStringFromText(name));
  };
}

/** What the argument at the cursor can become, gathered for a shell. */
export class Completions {
  kind: CompletionKind = 'normal';
  readonly #lines = new Set<string>();

  add(text: ByteString, description = ''): void {
    this.#lines.add(`${text}\t${byteStringFromText(firstSentence(description))}`);
  }

  /** As C++ Nix's completion scripts read them, with line ends. */
  format(): string {
    return [this.kind, ...[...this.#lines].toSorted()].map(line => `${line}\n`).join('');
  }
}

/** Menus have one line for each. */
function firstSentence(description: string): string {
  const text = description.trim();
  const end = text.search(/[.\n]/);
  if (end < 0) return text;
  return end === text.length - 1 ? text.slice(0, end) : `${text.slice(0, end)} [...]`;
}
