import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Reporter,
  byteStringFromText,
  byteStringOf,
  bytesOf,
  displayBytes,
  errnoOf,
  messageOf,
} from '../../base/index.ts';
import {
  type FlakeRef,
  type Input,
  type InputAttributes,
  equalInputs,
  evalError,
  flakeRefFromAttributes,
  flakeRefToAttributes,
  inputFromAttributes,
} from '../../eval/index.ts';
import {
  type JsonValue,
  NixCompatError,
  expectArray,
  expectKey,
  expectObject,
  formatJson,
  jsonObject,
  parseJson,
} from '../../nix-compat/index.ts';
import { attributesAsJson, attributesFromJson } from './attributes-json.ts';

/** Where a registry comes from: command lines, the user's file, the machine's, or everybody's. */
export type RegistryKind = 'flag' | 'user' | 'system' | 'global';

/** What a name stands for. */
export interface RegistryEntry {
  readonly from: Input;
  /** Its folder is taken in place of that of who asks, unless it is empty. */
  readonly to: FlakeRef;
  /** Whether it is about `from` alone, and not about other branches and commits of that. */
  readonly isExact: boolean;
}

/** The file's version, the only one that there is. */
const version = 2n;

/** The entries of a registry's file, in order; none where there is no file, or none that can be read: that is warned of. */
export function readRegistry(path: string, reporter: Reporter): RegistryEntry[] {
  let text;
  try {
    text = readFileSync(realpathSync(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  try {
    return parseRegistry(parseJson(byteStringOf(text)), path);
  } catch (error) {
    const isJson = error instanceof NixCompatError && error.code.startsWith('json/');
    const reason = isJson ? messageOf(error) : `error: ${messageOf(error)}`;
    reporter.warn(`cannot ${isJson ? 'parse' : 'read'} flake registry '${path}': ${reason}`);
    return [];
  }
}

function parseRegistry(json: JsonValue, path: string): RegistryEntry[] {
  const file = expectObject(json);
  const found = file.get(byteStringFromText('version')) ?? 0n;
  if (found !== version) {
    throw evalError`flake registry '${path}' has unsupported version ${displayBytes(formatJson(found))}`;
  }
  const flakes = file.get(byteStringFromText('flakes')) ?? null;
  return (flakes === null ? [] : expectArray(flakes)).map(each => {
    const entry = expectObject(each);
    return {
      from: inputFromAttributes(attributesFromJson(expectKey(entry, 'from'))),
      to: flakeRefFromAttributes(attributesFromJson(expectKey(entry, 'to'))),
      isExact: entry.get(byteStringFromText('exact')) === true,
    };
  });
}

/** Writes a registry's file, in a folder that is made if need be. */
export function writeRegistry(path: string, entries: readonly RegistryEntry[]): void {
  const flakes = entries.map(({ from, to, isExact }) => {
    return jsonObject({
      from: attributesAsJson(from.attributes),
      to: attributesAsJson(flakeRefToAttributes(to)),
      exact: isExact ? true : undefined,
    });
  });
  // Nothing is what C++ Nix writes for none.
  const json = jsonObject({ version, flakes: flakes.length === 0 ? null : flakes });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytesOf(formatJson(json, 2)));
}

export function withoutEntry(entries: readonly RegistryEntry[], from: Input): RegistryEntry[] {
  return entries.filter(entry => !equalInputs(entry.from, from));
}

/** The input that a name alone stands for. */
export function indirectInput(id: string): Input {
  const attributes: InputAttributes = new Map([
    ['type', 'indirect'],
    ['id', id],
  ]);
  return inputFromAttributes(attributes);
}
