import {
  type DerivationOutputId,
  type BuildTraceEntry,
  type BuildTraceKey,
  type RealisedOutput,
  type Realisation,
  formatOutputId,
  parseOutputId,
} from '../realisation/realisation.ts';
import { realisationFromJson, realisationToJson } from '../realisation/realisation-json.ts';
import { formatJson } from '../json/format-json.ts';
import { parseJson } from '../json/parse-json.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import { readSignatures, readStorePath, writeSignatures, writeStorePath } from './wire-values.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

// Up to Nix 2.34, and to any peer without `buildTraceFeature`.

/** Throws as `parseOutputId`. */
export async function readOutputId(reader: WireReader): Promise<DerivationOutputId> {
  return parseOutputId(await reader.string());
}

export function writeOutputId(writer: WireWriter, id: DerivationOutputId): void {
  writer.string(formatOutputId(id));
}

/** Throws as `parseJson` and `realisationFromJson`. */
export async function readRealisation(reader: WireReader): Promise<Realisation> {
  return realisationFromJson(parseJson(await reader.string()));
}

export function writeRealisation(writer: WireWriter, realisation: Realisation): void {
  writer.string(formatJson(realisationToJson(realisation)));
}

// With `buildTraceFeature`, and in the serve protocol since 2.8.

export async function readBuildTraceKey(reader: WireReader, storeDir: StoreDir): Promise<BuildTraceKey> {
  return { derivation: await readStorePath(reader, storeDir), output: await reader.string() };
}

export function writeBuildTraceKey(writer: WireWriter, storeDir: StoreDir, key: BuildTraceKey): void {
  writeStorePath(writer, storeDir, key.derivation);
  writer.string(key.output);
}

export async function readRealisedOutput(reader: WireReader, storeDir: StoreDir): Promise<RealisedOutput> {
  return { path: await readStorePath(reader, storeDir), signatures: await readSignatures(reader) };
}

export function writeRealisedOutput(writer: WireWriter, storeDir: StoreDir, output: RealisedOutput): void {
  writeStorePath(writer, storeDir, output.path);
  writeSignatures(writer, output.signatures);
}

export async function readBuildTraceEntry(reader: WireReader, storeDir: StoreDir): Promise<BuildTraceEntry> {
  return { key: await readBuildTraceKey(reader, storeDir), ...(await readRealisedOutput(reader, storeDir)) };
}

export function writeBuildTraceEntry(writer: WireWriter, storeDir: StoreDir, entry: BuildTraceEntry): void {
  writeBuildTraceKey(writer, storeDir, entry.key);
  writeRealisedOutput(writer, storeDir, entry);
}
