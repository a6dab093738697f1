import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatHash, parseHash } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import { type StorePath, compareStorePaths } from '../store-path/store-path.ts';

/** That a store path is valid: what `nix-store --dump-db` writes and `--load-db` and `--register-validity` read. */
export interface Registration {
  readonly path: StorePath;
  /** Absent where the reader of the text is to compute it. */
  readonly nar?: { readonly hash: NixHash; /** In bytes. */ readonly size: number } | undefined;
  readonly deriver?: StorePath | undefined;
  readonly references: readonly StorePath[];
}

/**
 * Writes registrations in byte order of their paths, with the fields that they have. Without hashes and derivers this
 * is also what a builder finds in the files of `exportReferencesGraph`.
 */
export function formatRegistrations(storeDir: StoreDir, registrations: Iterable<Registration>): ByteString {
  const print = (path: StorePath) => `${printStorePath(storeDir, path)}\n`;
  let text = '';
  for (const { path, nar, deriver, references } of [...registrations].toSorted((a, b) =>
    compareStorePaths(a.path, b.path),
  )) {
    const sorted = setInByteOrder(references);
    text += print(path);
    if (nar !== undefined) text += `${formatHash(nar.hash, 'base16')}\n${nar.size}\n`;
    text += deriver === undefined ? '\n' : print(deriver);
    text += `${sorted.length}\n${sorted.map(print).join('')}`;
  }
  return brandAs<ByteString>(text);
}

/**
 * Reads registrations; `withHashes` tells whether hashes and sizes are in the text. As C++ Nix does, it takes the text
 * to end at a path without a line break. Throws `registration/syntax`, or what paths and hashes throw, with the offset
 * of the line.
 */
export function parseRegistrations(
  storeDir: StoreDir,
  text: ByteString,
  options: { readonly withHashes: boolean },
): Registration[] {
  const lines = new LineReader(text);
  const registrations: Registration[] = [];
  while (!lines.atEnd) {
    const path = lines.read(line => parseStorePathIn(storeDir, line));
    const nar = options.withHashes
      ? { hash: lines.read(line => parseHash(line, 'sha256')), size: lines.read(parseNumber) }
      : undefined;
    const deriver = lines.read(line => (line === '' ? undefined : parseStorePathIn(storeDir, line)));
    const count = lines.read(parseNumber);
    const references: StorePath[] = [];
    for (let i = 0; i < count; i++) references.push(lines.read(line => parseStorePathIn(storeDir, line)));
    registrations.push({ path, nar, deriver, references: setInByteOrder(references) });
  }
  return registrations;
}

function parseNumber(line: string): number {
  const number = /^[0-9]+$/.test(line) ? Number(line) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  const found = excerpt(displayBytes(brandAs<ByteString>(line)));
  throw new NixCompatError('registration/syntax', `number expected, found '${found}'`);
}

/** Reads lines that end with a line break; what follows the last break is not looked at. */
class LineReader {
  readonly #text: ByteString;
  #at = 0;

  constructor(text: ByteString) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#end < 0;
  }

  read<T>(parse: (line: string) => T): T {
    const offset = this.#at;
    const end = this.#end;
    if (end < 0) {
      const message = `missing input: the text ends within a registration, at byte ${this.#text.length}`;
      throw new NixCompatError('registration/syntax', message, { offset: this.#text.length });
    }
    this.#at = end + 1;
    try {
      return parse(this.#text.slice(offset, end));
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      throw new NixCompatError(error.code, `${error.message} (in the line at byte ${offset})`, {
        offset,
        cause: error,
      });
    }
  }

  get #end(): number {
    return this.#text.indexOf('\n', this.#at);
  }
}
