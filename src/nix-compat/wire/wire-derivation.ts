import type { ByteString } from '../../base/index.ts';
import { mapInByteOrder } from '../byte-order.ts';
import { type BasicDerivation, type DerivationOutput, structuredAttrsVariable } from '../derivation/derivation.ts';
import { formatOutputFields, parseOutputFields } from '../derivation/output-fields.ts';
import { parseStructuredAttrs } from '../derivation/structured-attrs.ts';
import { formatJson } from '../json/format-json.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import {
  readStorePaths,
  readStringMap,
  readStrings,
  writeStorePaths,
  writeStringMap,
  writeStrings,
} from './wire-values.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** What the format does not carry. */
export interface DerivationContext {
  readonly storeDir: StoreDir;
  /** The derivation's; its path is sent beside it. */
  readonly name: ByteString;
}

/** Reads the derivation of a BuildDerivation request. Throws as `parseOutputFields` and `parseStructuredAttrs`. */
export async function readBasicDerivation(reader: WireReader, context: DerivationContext): Promise<BasicDerivation> {
  const outputs = await reader.map(
    () => reader.string(),
    () => readOutput(reader, context.storeDir),
  );
  const inputSources = await readStorePaths(reader, context.storeDir);
  const platform = await reader.string();
  const builder = await reader.string();
  const args = await readStrings(reader);
  const env = new Map(await readStringMap(reader));
  const derivation = {
    name: context.name,
    outputs: mapInByteOrder(outputs),
    inputSources,
    platform,
    builder,
    args,
    env,
  };
  const json = env.get(structuredAttrsVariable);
  if (json === undefined) return derivation;
  env.delete(structuredAttrsVariable);
  return { ...derivation, structuredAttrs: parseStructuredAttrs(json) };
}

async function readOutput(reader: WireReader, storeDir: StoreDir): Promise<DerivationOutput> {
  const path = await reader.string();
  const mode = await reader.string();
  const hash = await reader.string();
  return parseOutputFields(storeDir, { path, mode, hash });
}

/** Throws as `formatOutputFields`. */
export function writeBasicDerivation(writer: WireWriter, storeDir: StoreDir, derivation: BasicDerivation): void {
  writer.number(derivation.outputs.size);
  for (const [outputName, output] of mapInByteOrder(derivation.outputs)) {
    const { path, mode, hash } = formatOutputFields(output, outputName, { name: derivation.name, storeDir });
    for (const field of [outputName, path, mode, hash]) writer.string(field);
  }
  writeStorePaths(writer, storeDir, derivation.inputSources);
  writer.string(derivation.platform);
  writer.string(derivation.builder);
  writeStrings(writer, derivation.args);
  const env = new Map(derivation.env);
  if (derivation.structuredAttrs !== undefined)
    env.set(structuredAttrsVariable, formatJson(derivation.structuredAttrs));
  writeStringMap(writer, env);
}
