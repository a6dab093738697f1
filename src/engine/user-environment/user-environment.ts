import { type ByteString, brandAs, byteStringFromText, bytesOf } from '../../base/index.ts';
import { type PlainData, formatPlainData, plainList, plainSet, plainString } from '../../eval/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type StoreDir,
  type StorePath,
  fillOutputPaths,
  hashBytes,
  makeDerivationFile,
  makeTextPath,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { WantedObject } from '../evaluation/file-system-io.ts';
import type { EnvironmentElement } from './environment-element.ts';

/** The derivation of an environment, and what has to be in the store before it is built, in this order. */
export interface UserEnvironment {
  readonly derivation: StorePath;
  readonly outPath: StorePath;
  readonly objects: readonly WantedObject[];
}

const text = byteStringFromText;

/** `derivations`: whether the environment keeps those that its packages were made by. */
export function makeUserEnvironment(
  storeDir: StoreDir,
  elements: readonly EnvironmentElement[],
  { derivations }: { readonly derivations: boolean },
): UserEnvironment {
  const print = (path: StorePath) => printStorePath(storeDir, path);
  const kept = elements.map(element => (derivations ? element : { ...element, drvPath: undefined }));
  const contents = bytesOf(formatPlainData(plainList(kept.map(element => manifestEntry(element, print)))));
  const references = new Set<StorePath>();
  for (const { outputs, drvPath } of kept) {
    for (const path of outputs.values()) references.add(path);
    if (drvPath !== undefined) references.add(drvPath);
  }
  const manifest = makeTextPath(storeDir, 'env-manifest.nix', { hash: hashBytes('sha256', contents), references });
  const unfinished = environmentDerivation(kept, { manifest, print });
  const hasher = new DerivationHasher(storeDir, () => undefined);
  const derivation = fillOutputPaths(unfinished, hasher);
  const file = makeDerivationFile(storeDir, derivation);
  const out = derivation.outputs.get(text('out'));
  if (out?.kind !== 'input-addressed') throw new TypeError('an environment has a path that is known');
  return {
    derivation: file.path,
    outPath: out.path,
    objects: [
      { kind: 'text', path: manifest, name: 'env-manifest.nix', contents, references },
      {
        kind: 'text',
        path: file.path,
        name: 'user-environment.drv',
        contents: bytesOf(file.text),
        references: file.references,
      },
    ],
  };
}

function manifestEntry(element: EnvironmentElement, print: (path: StorePath) => ByteString): PlainData {
  const { name, system, outPath, drvPath, outputs, meta } = element;
  const entries: [ByteString, PlainData][] = [
    [text('type'), plainString(text('derivation'))],
    [text('name'), plainString(name)],
    [text('outPath'), plainString(print(outPath))],
    [text('outputs'), plainList([...outputs.keys()].map(plainString))],
    [text('meta'), plainSet(meta)],
  ];
  if (system !== undefined && system !== '') entries.push([text('system'), plainString(system)]);
  if (drvPath !== undefined) entries.push([text('drvPath'), plainString(print(drvPath))]);
  for (const [output, path] of outputs) {
    entries.push([output, plainSet([[text('outPath'), plainString(print(path))]])]);
  }
  return plainSet(entries);
}

function environmentDerivation(
  elements: readonly EnvironmentElement[],
  { manifest, print }: { readonly manifest: StorePath; readonly print: (path: StorePath) => ByteString },
): Derivation {
  const out = text('out');
  const env: Record<string, string> = {
    allowSubstitutes: '',
    builder: 'builtin:buildenv',
    derivations: elements.flatMap(element => wordsOf(element, print)).join(' '),
    manifest: print(manifest),
    name: 'user-environment',
    out: '',
    preferLocalBuild: '1',
    system: 'builtin',
  };
  return {
    name: text('user-environment'),
    outputs: new Map([[out, { kind: 'deferred' }]]),
    inputSources: [manifest],
    inputDerivations: new Map(),
    platform: text('builtin'),
    builder: text('builtin:buildenv'),
    args: [],
    env: new Map(Object.entries(env).map(([name, value]) => [text(name), brandAs<ByteString>(value)])),
  };
}

/** What the builder is told of a package: whether it is active, its priority, how many outputs, and these. */
function wordsOf({ meta, outputs }: EnvironmentElement, print: (path: StorePath) => ByteString): string[] {
  const active = meta.get(text('active'));
  const priority = meta.get(text('priority'));
  return [
    ...(active === undefined ? ['true'] : coerced(active)),
    ...(priority === undefined ? ['5'] : coerced(priority)),
    String(outputs.size),
    ...Array.from(outputs.values(), print),
  ];
}

/** As derivations have values in their variables. */
function coerced(data: PlainData): string[] {
  if (data.kind === 'bool') return [data.value ? '1' : ''];
  if (data.kind === 'list') return data.items.flatMap(coerced);
  return data.kind === 'set' ? [] : [String(data.value)];
}
