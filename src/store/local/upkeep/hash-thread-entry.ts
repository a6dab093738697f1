/** A thread of `hashTrees`: does what it is told, in turn. A bundle has this file beside it. */
import { parentPort } from 'node:worker_threads';
import { unreachable } from '../../../base/index.ts';
import { type HashedTree, type ReadTree, hashTree, readTree } from './hash-tree.ts';
import type { PipeMemory } from './nar-pipe.ts';

export type HashOrder =
  | { readonly kind: 'hash'; readonly path: string }
  /** To render the tree's NAR into a pipe, which is hashed elsewhere. */
  | { readonly kind: 'read'; readonly path: string; readonly pipe: PipeMemory };

/** To an order of the same kind. */
export type HashReply =
  | { readonly kind: 'hash'; readonly result: HashedTree }
  | { readonly kind: 'read'; readonly result: ReadTree };

parentPort?.on('message', (order: HashOrder) => parentPort?.postMessage(obey(order), []));

function obey(order: HashOrder): HashReply {
  switch (order.kind) {
    case 'hash':
      return { kind: 'hash', result: hashTree(order.path) };
    case 'read':
      return { kind: 'read', result: readTree(order.path, order.pipe) };
    default:
      return unreachable(order);
  }
}
