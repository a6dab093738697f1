import { type ByteString, brandAs, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type JsonObject,
  type JsonValue,
  type StoreDir,
  type StorePath,
  compareStorePaths,
  expectArray,
  expectBoolean,
  expectKey,
  expectObject,
  expectString,
  formatJson,
  isJsonArray,
  isJsonObject,
  jsonObject,
  parseJson,
  parsePackageName,
  parseStorePathIn,
  printStorePath,
  storePathName,
} from '../../nix-compat/index.ts';
import { EngineError } from '../error.ts';
import { nameOfUrl } from './name-of-url.ts';

/** Where a flake's package came from, as the manifest has it. */
export interface FlakeSource {
  readonly originalUrl: ByteString;
  readonly url: ByteString;
  readonly attrPath: ByteString;
  /** Names, or the star alone; null where nobody said which. */
  readonly outputs: JsonValue;
}

/** A package of a profile that `nix profile` manages. */
export interface ProfileElement {
  /** In ascending order. */
  readonly storePaths: readonly StorePath[];
  readonly source?: FlakeSource | undefined;
  readonly active: boolean;
  readonly priority: number;
}

export const defaultPriority = 5;

/** By the names under which they are managed, in byte order. */
export type ProfileManifest = ReadonlyMap<ByteString, ProfileElement>;

/** What messages call a package: its source, or the names of its store paths. */
export function identifierOf({ source, storePaths }: ProfileElement): ByteString {
  if (source !== undefined) {
    const { originalUrl, attrPath, outputs } = source;
    const chosen = outputs === null ? '' : `^${expectArray(outputs).map(expectString).join(',')}`;
    return byteStringFromLatin1(`${originalUrl}#${attrPath}${chosen}`);
  }
  const names = new Set(storePaths.map(path => parsePackageName(storePathName(path)).name));
  return byteStringFromText([...names].toSorted().join(', '));
}

/** The versions of its store paths, for people. */
export function versionsOf({ storePaths }: ProfileElement): string {
  const versions = new Set(storePaths.map(path => parsePackageName(storePathName(path)).version || 'ε'));
  return versions.size === 0 ? '∅' : [...versions].toSorted().join(', ');
}

/** The name for a package, which gets a number where another has it. */
export function withElement(
  manifest: ProfileManifest,
  element: ProfileElement,
  name: ByteString = nameOf(element),
): ProfileManifest {
  let free = name;
  for (let number = 1; manifest.has(free); number++) free = byteStringFromLatin1(`${name}-${number}`);
  return sorted([...manifest, [free, element]]);
}

export function nameOf(element: ProfileElement): ByteString {
  const identifier = identifierOf(element);
  return (element.source === undefined ? undefined : nameOfUrl(identifier)) ?? identifier;
}

/** Whether a package is there already: of the same attribute of the same flake, with the same priority. */
export function hasElement(manifest: ProfileManifest, element: ProfileElement): boolean {
  const known = manifest.get(nameOf(element));
  const [source, knownSource] = [element.source, known?.source];
  return (
    source !== undefined &&
    knownSource !== undefined &&
    known?.priority === element.priority &&
    source.originalUrl === knownSource.originalUrl &&
    source.attrPath === knownSource.attrPath
  );
}

export function sorted(entries: Iterable<readonly [ByteString, ProfileElement]>): ProfileManifest {
  return new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads `manifest.json` of versions 1 to 3. Throws `environment/bad-manifest` and `json/…`. */
export function parseProfileManifest(storeDir: StoreDir, text: ByteString, place: string): ProfileManifest {
  const json = expectObject(parseJson(text));
  const version = json.get(byteStringFromText('version'));
  if (version !== 1n && version !== 2n && version !== 3n) {
    const shown = version === undefined ? '0' : formatJson(version);
    const message = `profile manifest "${place}" has unsupported version ${shown}`;
    throw new EngineError('environment/bad-manifest', message);
  }
  const [url, originalUrl] = version === 1n ? ['uri', 'originalUri'] : ['url', 'originalUrl'];
  const elements = expectKey(json, 'elements');
  const parse = (value: JsonValue) => parseElement(storeDir, expectObject(value), { url, originalUrl });
  if (isJsonArray(elements)) {
    let manifest: ProfileManifest = new Map();
    for (const value of elements) manifest = withElement(manifest, parse(value));
    return manifest;
  }
  if (!isJsonObject(elements))
    throw new EngineError('environment/bad-manifest', `profile manifest "${place}" has no elements`);
  return sorted(Array.from(elements, ([name, value]) => [name, parse(value)] as const));
}

function parseElement(
  storeDir: StoreDir,
  json: JsonObject,
  names: { readonly url: string; readonly originalUrl: string },
): ProfileElement {
  const priority = json.get(byteStringFromText('priority'));
  const url = json.get(byteStringFromText(names.url));
  const storePaths = expectArray(expectKey(json, 'storePaths')).map(path =>
    parseStorePathIn(storeDir, expectString(path)),
  );
  return {
    storePaths: storePaths.toSorted(compareStorePaths),
    active: expectBoolean(expectKey(json, 'active')),
    priority: typeof priority === 'bigint' ? Number(priority) : defaultPriority,
    source:
      typeof url !== 'string' || url === ''
        ? undefined
        : {
            url,
            originalUrl: expectString(expectKey(json, names.originalUrl)),
            attrPath: expectString(expectKey(json, 'attrPath')),
            outputs: expectKey(json, 'outputs'),
          },
  };
}

/** Version 3. */
export function profileManifestToJson(storeDir: StoreDir, manifest: ProfileManifest): JsonObject {
  const elements = Array.from(manifest, ([name, { storePaths, active, priority, source }]) => {
    const element = jsonObject({
      storePaths: storePaths.map(path => brandAs<ByteString>(printStorePath(storeDir, path))),
      active,
      priority: BigInt(priority),
      originalUrl: source?.originalUrl,
      url: source?.url,
      attrPath: source?.attrPath,
      outputs: source?.outputs,
    });
    return [name, element] as const;
  });
  return jsonObject({ version: 3n, elements: new Map(elements) });
}

/** What changed from one generation to the next, a line for each package. */
export function manifestDifference(before: ProfileManifest, after: ProfileManifest): string[] {
  const lines: string[] = [];
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  for (const name of names) {
    const [old, now] = [before.get(name), after.get(name)];
    const shown = old ?? now;
    if (shown === undefined) continue;
    const [from, to] = [old === undefined ? '∅' : versionsOf(old), now === undefined ? '∅' : versionsOf(now)];
    const isChanged = old === undefined || now === undefined || from !== to;
    if (isChanged) lines.push(`${displayBytes(identifierOf(shown))}: ${from} -> ${to}`);
  }
  return lines;
}
