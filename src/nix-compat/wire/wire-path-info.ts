import { type ByteString, brandAs } from '../../base/index.ts';
import { formatHash, parseHash, parsePrefixedHash } from '../hash/hash-format.ts';
import type { PathInfo } from '../narinfo/path-info.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import {
  readOptionalContentAddress,
  readOptionalStorePath,
  readSignatures,
  readStorePath,
  readStorePaths,
  writeOptionalContentAddress,
  writeOptionalStorePath,
  writeSignatures,
  writeStorePath,
  writeStorePaths,
} from './wire-values.ts';
import { protocolVersion } from './protocol-version.ts';
import type { WireContext } from './wire-context.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** What is sent of a path info where the path is known already. */
export type UnkeyedPathInfo = Omit<PathInfo, 'path'>;

/** As the worker protocol sends it. Throws as the parsers of its fields. */
export async function readPathInfo(reader: WireReader, storeDir: StoreDir): Promise<PathInfo> {
  const path = await readStorePath(reader, storeDir);
  return { path, ...(await readUnkeyedPathInfo(reader, storeDir)) };
}

export function writePathInfo(writer: WireWriter, storeDir: StoreDir, info: PathInfo): void {
  writeStorePath(writer, storeDir, info.path);
  writeUnkeyedPathInfo(writer, storeDir, info);
}

/** As the worker protocol sends it. Throws as the parsers of its fields. */
export async function readUnkeyedPathInfo(reader: WireReader, storeDir: StoreDir): Promise<UnkeyedPathInfo> {
  const deriver = await readOptionalStorePath(reader, storeDir);
  const narHash = parseHash(await reader.string(), 'sha256');
  const references = await readStorePaths(reader, storeDir);
  const registrationTime = await reader.number();
  return {
    narHash,
    narSize: await reader.number(),
    references,
    deriver,
    registrationTime: registrationTime === 0 ? undefined : registrationTime,
    ultimate: await reader.boolean(),
    signatures: await readSignatures(reader),
    contentAddress: await readOptionalContentAddress(reader),
  };
}

export function writeUnkeyedPathInfo(writer: WireWriter, storeDir: StoreDir, info: UnkeyedPathInfo): void {
  writeOptionalStorePath(writer, storeDir, info.deriver);
  writer.string(brandAs<ByteString>(formatHash(info.narHash, 'base16')));
  writeStorePaths(writer, storeDir, info.references);
  writer.number(info.registrationTime ?? 0);
  writer.number(info.narSize);
  writer.boolean(info.ultimate ?? false);
  writeSignatures(writer, info.signatures);
  writeOptionalContentAddress(writer, info.contentAddress);
}

const serveNarHashSince = protocolVersion(2, 4);

/** As the serve protocol sends it since 2.4; no Nix of today speaks to an older server. */
export async function readServePathInfo(reader: WireReader, storeDir: StoreDir): Promise<UnkeyedPathInfo> {
  const deriver = await readOptionalStorePath(reader, storeDir);
  const references = await readStorePaths(reader, storeDir);
  await reader.number(); // size of the download, which nobody uses
  const narSize = await reader.number();
  const narHash = parsePrefixedHash(await reader.string());
  const contentAddress = await readOptionalContentAddress(reader);
  return { narHash, narSize, references, deriver, signatures: await readSignatures(reader), contentAddress };
}

/** As the serve protocol sends it to a client of `version`. */
export function writeServePathInfo(writer: WireWriter, context: WireContext, info: UnkeyedPathInfo): void {
  writeOptionalStorePath(writer, context.storeDir, info.deriver);
  writeStorePaths(writer, context.storeDir, info.references);
  writer.number(info.narSize); // size of the download
  writer.number(info.narSize);
  if (context.version < serveNarHashSince) return;
  writer.string(brandAs<ByteString>(formatHash(info.narHash, 'nix32', { prefix: true })));
  writeOptionalContentAddress(writer, info.contentAddress);
  writeSignatures(writer, info.signatures);
}
