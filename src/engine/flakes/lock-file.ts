import { type ByteString, byteStringFromText, byteStringOf, displayBytes, messageOf } from '../../base/index.ts';
import {
  type FlakeRef,
  attributesToJson,
  evalError,
  flakeRefFromAttributes,
  flakeRefToAttributes,
  formatFlakeRef,
  isLockedInput,
  relativePathOf,
} from '../../eval/index.ts';
import {
  type JsonObject,
  type JsonValue,
  expectArray,
  expectBoolean,
  expectKey,
  expectObject,
  expectString,
  formatJson,
  isJsonArray,
  jsonObject,
  parseJson,
} from '../../nix-compat/index.ts';
import { attributesAsJson, attributesFromJson } from './attributes-json.ts';
import type { InputPath } from './input-path.ts';

/** A flake, with what its inputs are. Names are in order. */
export interface LockNode {
  readonly inputs: Map<string, LockEdge>;
}

export interface LockedNode extends LockNode {
  readonly locked: FlakeRef;
  readonly original: FlakeRef;
  readonly isFlake: boolean;
  /** The flake that a relative path starts from, by its path from the root; undefined for other references. */
  readonly parent: InputPath | undefined;
}

/** What an input is: a node, or the same as another input, by the path of that from the root. */
export type LockEdge =
  | { readonly kind: 'node'; readonly node: LockedNode }
  | { readonly kind: 'follows'; readonly path: InputPath };

const version = 7n;

export function newRoot(): LockNode {
  return { inputs: new Map() };
}

/** Whether a node is not the root. */
export function isLockedNode(node: LockNode): node is LockedNode {
  return 'locked' in node;
}

export interface ParseLockFileOptions {
  /** What messages call the file. */
  readonly path: string;
  readonly warn: (message: string) => void;
  /** What messages say of a text that is no JSON; what our reader says unless given. */
  readonly explain?: (text: ByteString) => string | undefined;
}

/**
 * The root of a lock file's nodes; of versions 5 to 7. Throws `eval/error`, `json/…`.
 */
export function parseLockFile(text: Uint8Array, options: ParseLockFileOptions): LockNode {
  const { path, warn } = options;
  const file = expectObject(readJson(byteStringOf(text), options));
  const found = file.get(byteStringFromText('version')) ?? 0n;
  if (typeof found !== 'bigint' || found < 5n || found > version) {
    throw evalError`lock file '${path}' has unsupported version ${displayBytes(formatJson(found))}`;
  }
  const rootKey = expectString(expectKey(file, 'root'));
  const nodes = expectObject(expectKey(file, 'nodes'));
  const root = newRoot();
  const known = new Map<string, LockNode>([[rootKey, root]]);
  const readInputs = (node: LockNode, json: JsonObject): void => {
    const inputs = [...expectObject(json.get(byteStringFromText('inputs')) ?? new Map())];
    for (const [name, edge] of inputs.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const id = displayBytes(name);
      if (isJsonArray(edge)) node.inputs.set(id, { kind: 'follows', path: pathFromJson(edge) });
      else node.inputs.set(id, { kind: 'node', node: nodeOf(displayBytes(expectString(edge))) });
    }
  };
  const nodeOf = (key: string): LockedNode => {
    let node = known.get(key);
    if (node === undefined) {
      const json = nodes.get(byteStringFromText(key));
      if (json === undefined) throw evalError`lock file references missing node '${key}'`;
      const object = expectObject(json);
      node = readNode(object, warn);
      known.set(key, node);
      readInputs(node, object);
    }
    if (!isLockedNode(node)) throw evalError`lock file contains cycle to root node`;
    return node;
  };
  readInputs(root, expectObject(nodes.get(rootKey) ?? new Map()));
  return root;
}

function readJson(text: ByteString, { path, explain }: ParseLockFileOptions): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw evalError`Could not parse '${path}': ${explain?.(text) ?? messageOf(error)}`;
  }
}

function readNode(json: JsonObject, warn: (message: string) => void): LockedNode {
  const field = (name: string) => json.get(byteStringFromText(name));
  const reference = (name: string, more: JsonValue = new Map()) => {
    const value = field(name);
    if (value === undefined) throw evalError`attribute '${name}' missing in lock file`;
    return flakeRefFromAttributes(new Map([...attributesFromJson(value), ...attributesFromJson(more)]));
  };
  // Version 5 had what is known of the tree apart.
  const { input, folder } = reference('locked', field('info'));
  const original = reference('original');
  if (!isLockedInput(input) && relativePathOf(input) === undefined) {
    if (!input.attributes.has('narHash')) {
      const shown = attributesToJson(input.attributes);
      throw evalError`Lock file contains unlocked input '${shown}'. Use '--allow-dirty-locks' to accept this lock file.`;
    }
    warn(
      `Lock file entry '${formatFlakeRef({ input, folder })}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. ` +
        'This is not reproducible and will break after garbage collection or when shared.',
    );
  }
  const [flake, parent] = [field('flake'), field('parent')];
  return {
    // Nothing is to be found out any more of what is in a lock file.
    locked: { input: { ...input, attributes: new Map(input.attributes).set('__final', true) }, folder },
    original,
    isFlake: flake === undefined ? true : expectBoolean(flake),
    parent: parent === undefined ? undefined : pathFromJson(parent),
    inputs: new Map(),
  };
}

function pathFromJson(json: JsonValue): InputPath {
  return expectArray(json).map(part => displayBytes(expectString(part)));
}

function pathAsJson(path: InputPath): JsonValue {
  return path.map(byteStringFromText);
}

/** A lock file as it is written, without the line feed at its end, and the names that nodes have in it. */
export interface FormattedLockFile {
  readonly text: string;
  readonly names: ReadonlyMap<LockNode, string>;
}

export function formatLockFile(root: LockNode): FormattedLockFile {
  const names = new Map<LockNode, string>();
  const taken = new Set<string>();
  const nodes = new Map<ByteString, JsonValue>();
  const write = (wanted: string, node: LockNode): string => {
    const known = names.get(node);
    if (known !== undefined) return known;
    let name = wanted;
    for (let n = 2; taken.has(name); n++) name = `${wanted}_${n}`;
    taken.add(name);
    names.set(node, name);
    const inputs = Array.from(node.inputs, ([id, edge]) => {
      const json = edge.kind === 'follows' ? pathAsJson(edge.path) : byteStringFromText(write(id, edge.node));
      return [byteStringFromText(id), json] as const;
    });
    nodes.set(
      byteStringFromText(name),
      jsonObject({
        inputs: inputs.length === 0 ? undefined : new Map(inputs),
        ...(isLockedNode(node) ? lockedAsJson(node) : {}),
      }),
    );
    return name;
  };
  const rootName = byteStringFromText(write('root', root));
  const json = jsonObject({ version, root: rootName, nodes });
  return { text: displayBytes(formatJson(json, 2)), names };
}

function lockedAsJson({ locked, original, isFlake, parent }: LockedNode): Record<string, JsonValue | undefined> {
  const attributes = new Map(flakeRefToAttributes(locked));
  attributes.delete('__final');
  return {
    original: attributesAsJson(flakeRefToAttributes(original)),
    locked: attributesAsJson(attributes),
    flake: isFlake ? undefined : false,
    parent: parent === undefined ? undefined : pathAsJson(parent),
  };
}
