import { type ByteString, brandAs, byteStringOf, bytesOf, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatHash, parsePrefixedHash } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import { type Signature, formatSignature, parseSignature, sortSignatures } from '../signature/signature.ts';
import { type ContentAddress, formatContentAddress, parseContentAddress } from '../store-path/content-address.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import { type StorePath, compareStorePaths, parseStorePath } from '../store-path/store-path.ts';
import type { NarInfo } from './path-info.ts';

/** The longest narinfo that is parsed, in bytes: room for some 70,000 references. */
export const maxNarInfoSize = 4 * 1024 * 1024;

export interface ParseNarInfoOptions {
  /** What messages call the text. */
  readonly source: string;
  /** In bytes; `maxNarInfoSize` unless given. */
  readonly limit?: number;
}

/**
 * Parses a narinfo as C++ Nix does: unknown fields are ignored; of `StorePath`, `URL`, `Compression`, hashes and sizes
 * the last counts; a missing compression is `bzip2`. Throws `narinfo/too-large`, `narinfo/malformed`,
 * `narinfo/missing-field`, `narinfo/bad-hash`, `narinfo/bad-size`, `narinfo/extra-field`, or the errors of store paths,
 * signatures and content addresses.
 */
export function parseNarInfo(storeDir: StoreDir, bytes: Uint8Array, options: ParseNarInfoOptions): NarInfo {
  const limit = options.limit ?? maxNarInfoSize;
  if (bytes.byteLength > limit) {
    const message = `NAR info file '${options.source}' is too large: ${bytes.byteLength} bytes, where ${limit} are allowed`;
    throw new NixCompatError('narinfo/too-large', message, { offset: limit });
  }
  return new NarInfoParser(storeDir, byteStringOf(bytes), options.source).parse();
}

interface Field {
  readonly name: string;
  readonly value: string;
  /** Of the value. */
  readonly offset: number;
  /** Counted from 1. */
  readonly line: number;
}

type ReasonCode =
  | 'narinfo/malformed'
  | 'narinfo/missing-field'
  | 'narinfo/bad-hash'
  | 'narinfo/bad-size'
  | 'narinfo/extra-field';

class NarInfoParser {
  readonly #storeDir: StoreDir;
  readonly #text: ByteString;
  readonly #source: string;

  #path: StorePath | undefined;
  #url = '';
  #compression = '';
  #fileHash: NixHash | undefined;
  #fileSize = 0;
  #narHash: NixHash | undefined;
  #narSize = 0;
  #references: StorePath[] = [];
  #deriver: StorePath | undefined;
  readonly #signatures: Signature[] = [];
  #contentAddress: ContentAddress | undefined;
  #root: ByteString | undefined;
  readonly #rootSignatures: Signature[] = [];

  constructor(storeDir: StoreDir, text: ByteString, source: string) {
    this.#storeDir = storeDir;
    this.#text = text;
    this.#source = source;
  }

  parse(): NarInfo {
    for (const field of this.#fields()) this.#take(field);
    if (this.#path === undefined) throw this.#corrupt('narinfo/missing-field', 'StorePath missing');
    if (this.#narHash === undefined) throw this.#corrupt('narinfo/missing-field', 'NarHash missing');
    if (this.#url === '') throw this.#corrupt('narinfo/missing-field', 'URL missing');
    if (this.#narSize === 0) throw this.#corrupt('narinfo/missing-field', 'NarSize missing or zero');
    return {
      path: this.#path,
      url: brandAs<ByteString>(this.#url),
      compression: brandAs<ByteString>(this.#compression === '' ? 'bzip2' : this.#compression),
      fileHash: this.#fileHash,
      fileSize: this.#fileSize,
      narHash: this.#narHash,
      narSize: this.#narSize,
      references: [...new Set(this.#references)].toSorted(compareStorePaths),
      deriver: this.#deriver,
      signatures: sortSignatures(this.#signatures),
      contentAddress: this.#contentAddress,
      ...(this.#root === undefined
        ? {}
        : { rootClaim: { root: this.#root, signatures: sortSignatures(this.#rootSignatures) } }),
    };
  }

  /** `<name>:<any one byte><value>\n` over and over; a name or that byte may be a newline, as C++ Nix has it. */
  *#fields(): Iterable<Field> {
    const text = this.#text;
    for (let at = 0, line = 1; at < text.length; line++) {
      const colon = text.indexOf(':', at);
      if (colon < 0) throw this.#corrupt('narinfo/malformed', "expecting ':'", { line, offset: at });
      const offset = colon + 2;
      const end = text.indexOf('\n', offset);
      if (end < 0) throw this.#corrupt('narinfo/malformed', "expecting '\\n'", { line, offset: colon });
      yield { name: text.slice(at, colon), value: text.slice(offset, end), offset, line };
      at = end + 1;
    }
  }

  #take(field: Field): void {
    const { name, value } = field;
    switch (name) {
      case 'StorePath':
        this.#path = within(field, () => parseStorePathIn(this.#storeDir, value));
        break;
      case 'URL':
        this.#url = value;
        break;
      case 'Compression':
        this.#compression = value;
        break;
      case 'FirnRoot':
        this.#root = brandAs<ByteString>(value);
        break;
      case 'FirnRootSig':
        this.#rootSignatures.push(within(field, () => parseSignature(value)));
        break;
      case 'FileHash':
        this.#fileHash = this.#parseHash(field);
        break;
      case 'FileSize':
        this.#fileSize = this.#parseSize(field);
        break;
      case 'NarHash':
        this.#narHash = this.#parseHash(field);
        break;
      case 'NarSize':
        this.#narSize = this.#parseSize(field);
        break;
      case 'References':
        if (this.#references.length > 0) throw this.#corrupt('narinfo/extra-field', 'extra References', field);
        this.#references = parseReferences(field);
        break;
      case 'Deriver':
        if (value !== 'unknown-deriver') this.#deriver = within(field, () => parseStorePath(value));
        break;
      case 'Sig':
        this.#signatures.push(within(field, () => parseSignature(value)));
        break;
      case 'CA':
        if (this.#contentAddress !== undefined) throw this.#corrupt('narinfo/extra-field', 'extra CA', field);
        if (value !== '') this.#contentAddress = within(field, () => parseContentAddress(value));
        break;
    }
  }

  #parseHash(field: Field): NixHash {
    try {
      return parsePrefixedHash(field.value);
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      throw this.#corrupt('narinfo/bad-hash', 'bad hash', field, error);
    }
  }

  #parseSize(field: Field): number {
    const size = /^\+?[0-9]+$/.test(field.value) ? Number(field.value) : NaN;
    if (!Number.isSafeInteger(size)) throw this.#corrupt('narinfo/bad-size', `invalid ${field.name}`, field);
    return size;
  }

  #corrupt(
    code: ReasonCode,
    reason: string,
    place?: { readonly line: number; readonly offset: number },
    cause?: NixCompatError,
  ): NixCompatError {
    const where = place === undefined ? '' : ` at line ${place.line}`;
    const message = `NAR info file '${this.#source}' is corrupt: ${reason}${where}`;
    const offset = place === undefined ? {} : { offset: place.offset + (cause?.offset ?? 0) };
    return new NixCompatError(code, message, { ...offset, cause });
  }
}

function parseReferences(field: Field): StorePath[] {
  const references: StorePath[] = [];
  let at = 0;
  for (const value of field.value.split(' ')) {
    if (value !== '') references.push(within({ offset: field.offset + at }, () => parseStorePath(value)));
    at += value.length + 1;
  }
  return references;
}

/** Lets refusals of a part say where in the whole it is. */
function within<T>(place: { readonly offset: number }, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    throw new NixCompatError(error.code, error.message, { offset: place.offset + (error.offset ?? 0), cause: error });
  }
}

/** Prints the fields in the order of C++ Nix, and those of ours behind them. Throws `narinfo/bad-value` for a value with a line break. */
export function formatNarInfo(storeDir: StoreDir, info: NarInfo): Buffer {
  const { fileHash, deriver, contentAddress, rootClaim } = info;
  const fields: (readonly [name: string, value: string])[] = [
    ['StorePath', printStorePath(storeDir, info.path)],
    ['URL', info.url],
    ['Compression', info.compression],
  ];
  if (fileHash !== undefined) {
    fields.push(['FileHash', formatHash(fileHash, 'nix32', { prefix: true })], ['FileSize', String(info.fileSize)]);
  }
  fields.push(
    ['NarHash', formatHash(info.narHash, 'nix32', { prefix: true })],
    ['NarSize', String(info.narSize)],
    ['References', info.references.join(' ')],
  );
  if (deriver !== undefined) fields.push(['Deriver', deriver]);
  for (const signature of info.signatures) fields.push(['Sig', formatSignature(signature)]);
  if (contentAddress !== undefined) fields.push(['CA', formatContentAddress(contentAddress)]);
  if (rootClaim !== undefined) {
    fields.push(['FirnRoot', rootClaim.root]);
    for (const signature of rootClaim.signatures) fields.push(['FirnRootSig', formatSignature(signature)]);
  }
  return bytesOf(brandAs<ByteString>(fields.map(([name, value]) => `${name}: ${checkValue(name, value)}\n`).join('')));
}

function checkValue(name: string, value: string): string {
  if (!value.includes('\n')) return value;
  const shown = excerpt(displayBytes(brandAs<ByteString>(value)));
  throw new NixCompatError('narinfo/bad-value', `NAR info field ${name} cannot have a line break: '${shown}'`);
}
