import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatHash, parseSri } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import { expectArray, expectBoolean, expectCount, expectKey, expectObject, expectString } from '../json/expect-json.ts';
import type { JsonObject, JsonValue } from '../json/json-value.ts';
import { formatSignature, parseSignature, sortSignatures } from '../signature/signature.ts';
import {
  type ContentAddress,
  formatContentAddress,
  parseContentAddress,
  parseContentAddressMethod,
} from '../store-path/content-address.ts';
import { type StoreDir, parseStorePathIn, printStorePath } from '../store-path/store-dir.ts';
import { type StorePath, compareStorePaths, parseStorePath } from '../store-path/store-path.ts';
import type { NarInfo, PathInfo } from './path-info.ts';

/** 1: full paths and printed content addresses. 2: base names and structured content addresses. */
export type PathInfoJsonFormat = 1 | 2;

/** Throws `path-info/unknown-format`. */
export function parsePathInfoJsonFormat(version: number): PathInfoJsonFormat {
  if (version === 1 || version === 2) return version;
  const message = `unsupported path info JSON format version ${version}; supported versions are 1 and 2`;
  throw new NixCompatError('path-info/unknown-format', message);
}

export interface PathInfoJsonOptions {
  readonly format: PathInfoJsonFormat;
  /** Leaves out what says nothing of the object itself: deriver, signatures, where it is and since when. */
  readonly pure?: boolean;
}

/** As `nix path-info --json` shows one path. */
export function pathInfoToJson(storeDir: StoreDir, info: PathInfo | NarInfo, options: PathInfoJsonOptions): JsonObject {
  const { format, pure = false } = options;
  const printPath = (path: StorePath) => (format === 1 ? printStorePath(storeDir, path) : byteStringFromText(path));
  return jsonObject({
    version: BigInt(format),
    storeDir: brandAs<ByteString>(storeDir),
    narHash: sri(info.narHash),
    narSize: BigInt(info.narSize),
    references: info.references.map(printPath),
    ca: info.contentAddress === undefined ? null : contentAddressToJson(info.contentAddress, format),
    ...(pure ? {} : impureToJson(info, printPath)),
    ...(pure || !('url' in info) ? {} : downloadToJson(info)),
  });
}

type Fields = Readonly<Record<string, JsonValue | undefined>>;

function jsonObject(fields: Fields): JsonObject {
  const object = new Map<ByteString, JsonValue>();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) object.set(byteStringFromText(name), value);
  return object;
}

function impureToJson(info: PathInfo, printPath: (path: StorePath) => ByteString): Fields {
  return {
    deriver: info.deriver === undefined ? null : printPath(info.deriver),
    registrationTime: (info.registrationTime ?? 0) === 0 ? null : BigInt(info.registrationTime ?? 0),
    ultimate: info.ultimate ?? false,
    signatures: info.signatures.map(signature => brandAs<ByteString>(formatSignature(signature))),
  };
}

function downloadToJson(info: NarInfo): Fields {
  return {
    url: info.url === '' ? undefined : info.url,
    compression: info.compression === '' ? undefined : info.compression,
    downloadHash: info.fileHash === undefined ? undefined : sri(info.fileHash),
    downloadSize: info.fileSize === 0 ? undefined : BigInt(info.fileSize),
  };
}

function contentAddressToJson(address: ContentAddress, format: PathInfoJsonFormat): JsonValue {
  if (format === 1) return byteStringFromText(formatContentAddress(address));
  return jsonObject({ hash: sri(address.hash), method: byteStringFromText(address.method) });
}

function sri(hash: NixHash): ByteString {
  return byteStringFromText(formatHash(hash, 'sri'));
}

/**
 * The info of `path` from either format, the first where none is named. Throws `path-info/unknown-format`,
 * `path-info/other-store-dir`, `json/wrong-type`, `json/missing-key`, or the errors of hashes, paths and signatures.
 */
export function pathInfoFromJson(storeDir: StoreDir, path: StorePath, json: JsonValue): PathInfo {
  const object = expectObject(json);
  const format = parsePathInfoJsonFormat(optional(object, 'version', expectCount) ?? 1);
  checkStoreDir(
    storeDir,
    format === 1 ? optional(object, 'storeDir', expectString) : expectString(expectKey(object, 'storeDir')),
  );
  const parsePath = (value: JsonValue) =>
    format === 1 ? parseStorePathIn(storeDir, expectString(value)) : parseStorePath(expectString(value));
  const references = expectArray(expectKey(object, 'references')).map(parsePath);
  const contentAddress = expectKey(object, 'ca');
  const signatures = optional(object, 'signatures', expectArray) ?? [];
  return {
    path,
    narHash: parseSri(expectString(expectKey(object, 'narHash'))),
    narSize: expectCount(expectKey(object, 'narSize')),
    references: [...new Set(references)].toSorted(compareStorePaths),
    contentAddress: contentAddress === null ? undefined : contentAddressFromJson(contentAddress, format),
    deriver: optional(object, 'deriver', parsePath),
    registrationTime: optional(object, 'registrationTime', expectCount),
    ultimate: optional(object, 'ultimate', expectBoolean) ?? false,
    signatures: sortSignatures(signatures.map(signature => parseSignature(expectString(signature)))),
  };
}

function checkStoreDir(expected: StoreDir, found: ByteString | undefined): void {
  if (found === undefined || found === brandAs<ByteString>(expected)) return;
  const message = `path info is of the store directory '${excerpt(displayBytes(found))}', expected '${expected}'`;
  throw new NixCompatError('path-info/other-store-dir', message);
}

/** As `pathInfoFromJson`, with where the NAR is. */
export function narInfoFromJson(storeDir: StoreDir, path: StorePath, json: JsonValue): NarInfo {
  const info = pathInfoFromJson(storeDir, path, json);
  const object = expectObject(json);
  return {
    ...info,
    url: optional(object, 'url', expectString) ?? brandAs<ByteString>(''),
    compression: optional(object, 'compression', expectString) ?? brandAs<ByteString>(''),
    fileHash: optional(object, 'downloadHash', value => parseSri(expectString(value))),
    fileSize: optional(object, 'downloadSize', expectCount) ?? 0,
  };
}

function contentAddressFromJson(value: JsonValue, format: PathInfoJsonFormat): ContentAddress {
  if (format === 1) return parseContentAddress(expectString(value));
  const object = expectObject(value);
  return {
    method: parseContentAddressMethod(expectString(expectKey(object, 'method'))),
    hash: parseSri(expectString(expectKey(object, 'hash'))),
  };
}

/** Undefined where the key is absent or its value is null. */
function optional<T>(object: JsonObject, key: string, read: (value: JsonValue) => T): T | undefined {
  const value = object.get(byteStringFromText(key)) ?? null;
  return value === null ? undefined : read(value);
}
