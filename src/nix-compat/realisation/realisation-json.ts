import { type ByteString, brandAs } from '../../base/index.ts';
import { decodeBase64, encodeBase64 } from '../hash/base64.ts';
import { expectString } from '../json/expect-json.ts';
import { formatJson } from '../json/format-json.ts';
import { JsonCursor } from '../json/json-cursor.ts';
import { type JsonObject, type JsonValue, jsonObject } from '../json/json-value.ts';
import { type Signature, formatSignature, parseSignature, sortSignatures } from '../signature/signature.ts';
import { type StorePath, parseStorePath } from '../store-path/store-path.ts';
import {
  type BuildTraceEntry,
  type BuildTraceKey,
  type RealisedOutput,
  type Realisation,
  formatOutputId,
  parseOutputId,
} from './realisation.ts';

/** As Nix 2.34 writes a realisation: to binary caches, on the wire and, as text, into its database. */
export function realisationToJson(realisation: Realisation): JsonObject {
  return jsonObject({
    ...signedRealisation(realisation),
    signatures: realisation.signatures.map(signature => brandAs<ByteString>(formatSignature(signature))),
  });
}

/** The bytes that signatures of a realisation sign. */
export function fingerprintRealisation(realisation: Realisation): ByteString {
  return formatJson(jsonObject(signedRealisation(realisation)));
}

/** `dependentRealisations` has no meaning since 2.34, but older readers need it and signatures cover it. */
function signedRealisation({ id, path }: Realisation): Record<string, JsonValue> {
  return { id: formatOutputId(id), outPath: brandAs<ByteString>(path), dependentRealisations: new Map() };
}

/** Throws `json/wrong-type`, `json/missing-key`, `realisation/bad-id`, or what ids, paths and signatures throw. */
export function realisationFromJson(json: JsonValue): Realisation {
  const top = new JsonCursor(json);
  return { id: top.member('id').read(value => parseOutputId(expectString(value))), ...readOutput(top) };
}

/**
 * Reads what a binary cache keeps of a realisation or of a build trace's entry without looking at what it is about:
 * that is in the file's name. Throws as `realisationFromJson`.
 */
export function realisedOutputFromJson(json: JsonValue): RealisedOutput {
  return readOutput(new JsonCursor(json));
}

/** As Nix 2.35 shows an entry of the build trace. */
export function buildTraceEntryToJson(entry: BuildTraceEntry): JsonObject {
  return jsonObject({ key: buildTraceKeyToJson(entry.key), value: buildTraceValueToJson(entry) });
}

/** The part of an entry that a binary cache keeps in the file that is named after the rest. */
export function buildTraceValueToJson({ path, signatures }: RealisedOutput): JsonObject {
  return jsonObject({
    outPath: brandAs<ByteString>(path),
    signatures: signatures.map(({ keyName, bytes }) =>
      jsonObject({ keyName: brandAs<ByteString>(keyName), sig: brandAs<ByteString>(encodeBase64(bytes)) }),
    ),
  });
}

/** The bytes that signatures of an entry sign. */
export function fingerprintBuildTraceEntry({ key, path }: BuildTraceEntry): ByteString {
  const value = jsonObject({ outPath: brandAs<ByteString>(path) });
  return formatJson(jsonObject({ key: buildTraceKeyToJson(key), value }));
}

function buildTraceKeyToJson({ derivation, output }: BuildTraceKey): JsonObject {
  return jsonObject({ drvPath: brandAs<ByteString>(derivation), outputName: output });
}

/** Throws as `realisationFromJson`. */
export function buildTraceEntryFromJson(json: JsonValue): BuildTraceEntry {
  const top = new JsonCursor(json);
  const key = top.member('key');
  return {
    key: { derivation: readStorePath(key.member('drvPath')), output: key.member('outputName').string() },
    ...readOutput(top.member('value')),
  };
}

function readOutput(json: JsonCursor): RealisedOutput {
  const signatures = json.optionalMember('signatures')?.elements().map(readSignature) ?? [];
  return { path: readStorePath(json.member('outPath')), signatures: sortSignatures(signatures) };
}

/** `<key name>:<base64>` up to 2.34, an object since. */
function readSignature(json: JsonCursor): Signature {
  if (typeof json.value === 'string') return json.read(value => parseSignature(expectString(value)));
  return {
    keyName: json.member('keyName').string(),
    bytes: json.member('sig').read(value => decodeBase64(expectString(value))),
  };
}

function readStorePath(json: JsonCursor): StorePath {
  return json.read(value => parseStorePath(expectString(value)));
}
