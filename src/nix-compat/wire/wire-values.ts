import { type ByteString, brandAs } from '../../base/index.ts';
import { mapInByteOrder, setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { type Signature, formatSignature, parseSignature, sortSignatures } from '../signature/signature.ts';
import { type ContentAddress, formatContentAddress, parseContentAddress } from '../store-path/content-address.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

// Values that both protocols and the export stream write alike. Sets and maps are sorted on the wire by C++ Nix; they
// are accepted in any order.

/** The largest `unsigned int` of C++ Nix, which most counts and codes are. */
export const maxInt: number = 2 ** 32 - 1;

const empty = brandAs<ByteString>('');

/** Throws as `parseStorePathIn`. */
export async function readStorePath(reader: WireReader, storeDir: StoreDir): Promise<StorePath> {
  return parseStorePathIn(storeDir, await reader.string());
}

/** As `readStorePath`, without waiting: undefined, and nothing is read, where not all of it has come yet. */
export function takeStorePath(reader: WireReader, storeDir: StoreDir): StorePath | undefined {
  const text = reader.takeString();
  return text === undefined ? undefined : parseStorePathIn(storeDir, text);
}

export function writeStorePath(writer: WireWriter, storeDir: StoreDir, path: StorePath): void {
  writer.string(printStorePath(storeDir, path));
}

export async function readOptionalStorePath(reader: WireReader, storeDir: StoreDir): Promise<StorePath | undefined> {
  const text = await reader.string();
  return text === '' ? undefined : parseStorePathIn(storeDir, text);
}

export function writeOptionalStorePath(writer: WireWriter, storeDir: StoreDir, path: StorePath | undefined): void {
  writer.string(path === undefined ? empty : printStorePath(storeDir, path));
}

/** Sorted, each once. */
export async function readStorePaths(reader: WireReader, storeDir: StoreDir): Promise<readonly StorePath[]> {
  return setInByteOrder(await reader.list(() => readStorePath(reader, storeDir)));
}

export function writeStorePaths(writer: WireWriter, storeDir: StoreDir, paths: readonly StorePath[]): void {
  writer.list(setInByteOrder(paths), path => writeStorePath(writer, storeDir, path));
}

export function readStrings(reader: WireReader): Promise<ByteString[]> {
  return reader.list(() => reader.string());
}

export function writeStrings(writer: WireWriter, strings: readonly ByteString[]): void {
  writer.list(strings, text => writer.string(text));
}

/** In byte order of the keys. */
export async function readStringMap(reader: WireReader): Promise<ReadonlyMap<ByteString, ByteString>> {
  return mapInByteOrder(
    await reader.map(
      () => reader.string(),
      () => reader.string(),
    ),
  );
}

export function writeStringMap(writer: WireWriter, map: ReadonlyMap<ByteString, ByteString>): void {
  writer.map(
    mapInByteOrder(map),
    key => writer.string(key),
    value => writer.string(value),
  );
}

/** Throws as `parseContentAddress`. */
export async function readOptionalContentAddress(reader: WireReader): Promise<ContentAddress | undefined> {
  const text = await reader.string();
  return text === '' ? undefined : parseContentAddress(text);
}

export function writeOptionalContentAddress(writer: WireWriter, address: ContentAddress | undefined): void {
  writer.string(address === undefined ? empty : brandAs<ByteString>(formatContentAddress(address)));
}

/** Sorted, each once. Throws as `parseSignature`. */
export async function readSignatures(reader: WireReader): Promise<Signature[]> {
  return sortSignatures(await reader.list(async () => parseSignature(await reader.string())));
}

export function writeSignatures(writer: WireWriter, signatures: readonly Signature[]): void {
  writer.list(sortSignatures(signatures), signature => writer.string(brandAs<ByteString>(formatSignature(signature))));
}

/** A refusal of the value that was read last, whose bytes start `size` bytes back. */
export function badValue(reader: WireReader, message: string, size = 8): NixCompatError {
  return new NixCompatError('wire/bad-value', message, { offset: reader.offset - size });
}
