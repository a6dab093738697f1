/** A thread of `hashTrees`: hashes the tree at each path that it is told, in turn. A bundle has this file beside it. */
import { parentPort } from 'node:worker_threads';
import { hashTree } from './hash-tree.ts';

parentPort?.on('message', (path: string) => parentPort?.postMessage(hashTree(path), []));
