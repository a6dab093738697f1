import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { formatHash, parseSri } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import { expectCount, expectString } from '../json/expect-json.ts';
import { JsonCursor } from '../json/json-cursor.ts';
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
  return readPathInfo(storeDir, path, new JsonCursor(json));
}

/** As `pathInfoFromJson`, with where the NAR is. */
export function narInfoFromJson(storeDir: StoreDir, path: StorePath, json: JsonValue): NarInfo {
  const top = new JsonCursor(json);
  return {
    ...readPathInfo(storeDir, path, top),
    url: present(top, 'url')?.string() ?? brandAs<ByteString>(''),
    compression: present(top, 'compression')?.string() ?? brandAs<ByteString>(''),
    fileHash: present(top, 'downloadHash')?.read(asSri),
    fileSize: present(top, 'downloadSize')?.count() ?? 0,
  };
}

function readPathInfo(storeDir: StoreDir, path: StorePath, top: JsonCursor): PathInfo {
  const format = present(top, 'version')?.read(value => parsePathInfoJsonFormat(expectCount(value))) ?? 1;
  const ownStoreDir = format === 1 ? present(top, 'storeDir') : top.member('storeDir');
  ownStoreDir?.read(value => checkStoreDir(storeDir, expectString(value)));
  const asPath = (value: JsonValue) =>
    format === 1 ? parseStorePathIn(storeDir, expectString(value)) : parseStorePath(expectString(value));
  const references = top.member('references').elements();
  const signatures = present(top, 'signatures')?.elements() ?? [];
  const contentAddress = top.member('ca');
  return {
    path,
    narHash: top.member('narHash').read(asSri),
    narSize: top.member('narSize').count(),
    references: [...new Set(references.map(reference => reference.read(asPath)))].toSorted(compareStorePaths),
    contentAddress: contentAddress.value === null ? undefined : readContentAddress(contentAddress, format),
    deriver: present(top, 'deriver')?.read(asPath),
    registrationTime: present(top, 'registrationTime')?.count(),
    ultimate: present(top, 'ultimate')?.boolean() ?? false,
    signatures: sortSignatures(
      signatures.map(signature => signature.read(value => parseSignature(expectString(value)))),
    ),
  };
}

function readContentAddress(cursor: JsonCursor, format: PathInfoJsonFormat): ContentAddress {
  if (format === 1) return cursor.read(value => parseContentAddress(expectString(value)));
  return {
    method: cursor.member('method').read(value => parseContentAddressMethod(expectString(value))),
    hash: cursor.member('hash').read(asSri),
  };
}

function asSri(value: JsonValue): NixHash {
  return parseSri(expectString(value));
}

function checkStoreDir(expected: StoreDir, found: ByteString): void {
  if (found === brandAs<ByteString>(expected)) return;
  const message = `path info is of the store directory '${excerpt(displayBytes(found))}', expected '${expected}'`;
  throw new NixCompatError('path-info/other-store-dir', message);
}

/** Undefined where the key is absent or its value is null. */
function present(top: JsonCursor, key: string): JsonCursor | undefined {
  const member = top.optionalMember(key);
  return member === undefined || member.value === null ? undefined : member;
}
