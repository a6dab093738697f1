import { type Digest, parseDigest } from '../../castore/index.ts';
import { ReapiError } from '../error.ts';
import type { PlatformOffer, PlatformProperties } from './platform.ts';

/** Store paths whose closures the action sees, separated by spaces; `all` for every path that there is. */
export const closureProperty = 'nix-closure';
/** The store path whose tree is the root of the action's file system. */
export const rootFsProperty = 'nix-rootfs';
/** Store paths in which the action may write; nobody else sees what it writes there. */
export const writableProperty = 'nix-writable';

/** `1`: the action can use Nix, by a daemon that knows what it sees and what it has made. */
export const daemonProperty = 'nix-daemon';

/** What of it is offered where there is a store to show. */
export const viewOffer: PlatformOffer = new Map(
  [closureProperty, rootFsProperty, writableProperty].map(name => [name, 'any']),
);

/** Offered where there is somebody to give actions daemons, too. */
export const daemonOffer: PlatformOffer = new Map([[daemonProperty, new Set(['1'])]]);

/** What of a store an action wants to see. */
export interface StoreWants {
  readonly closure: readonly ClosureName[];
  /** Whether it wants to see all that the store has. */
  readonly isWhole: boolean;
  readonly rootFs: ClosureName | undefined;
  readonly writable: readonly ClosureName[];
  readonly wantsDaemon: boolean;
}

/** A store path or a deriving path, as it was written, with what it has to be. */
export interface ClosureName {
  readonly path: string;
  /** Of the file or the directory that it has to be: `#HASH/SIZE` after the path. */
  readonly digest: Digest | undefined;
}

/** Bytes from which on a size is none that anything has. */
const maxSize = 1e15;

/** Paths that one action may name. */
const maxNames = 10_000;

/** Undefined for an action that names nothing of a store. Throws `action/malformed`. */
export function storeWantsOf(properties: PlatformProperties): StoreWants | undefined {
  const closure = wordsOf(properties, closureProperty);
  const rootFs = wordsOf(properties, rootFsProperty);
  const writable = wordsOf(properties, writableProperty);
  const wantsDaemon = properties.get(daemonProperty)?.includes('1') === true;
  if (closure === undefined && rootFs === undefined && writable === undefined && !wantsDaemon) return undefined;
  const isWhole = closure?.includes('all') === true;
  if (isWhole && closure.length > 1) throw malformed(`'${closureProperty}' = 'all' stands alone`);
  const [root, another] = rootFs ?? [];
  if (another !== undefined) throw malformed(`'${rootFsProperty}' names more than one store path`);
  return {
    closure: isWhole ? [] : (closure ?? []).map(closureName),
    isWhole,
    rootFs: root === undefined ? undefined : closureName(root),
    writable: (writable ?? []).map(closureName),
    wantsDaemon,
  };
}

function wordsOf(properties: PlatformProperties, name: string): string[] | undefined {
  const values = properties.get(name);
  const words = values?.flatMap(value => value.split(/[ \n\t]+/).filter(word => word !== ''));
  if (words !== undefined && words.length > maxNames)
    throw malformed(`'${name}' names ${words.length} store paths, and at most ${maxNames} may be named`);
  return words;
}

function closureName(word: string): ClosureName {
  const mark = word.indexOf('#');
  if (mark < 0) return { path: word, digest: undefined };
  const digest = parseDigest(word.slice(mark + 1));
  if (digest === undefined || digest.size >= maxSize)
    throw malformed(
      `'${word.slice(0, 300)}' has no digest after the '#': it is HASH/SIZE, a SHA-256 in base16 and bytes`,
    );
  return { path: word.slice(0, mark), digest };
}

function malformed(message: string): ReapiError {
  return new ReapiError('action/malformed', message);
}
