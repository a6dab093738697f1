import { statSync } from 'node:fs';
import { displayBytes, textOf, unreachable } from '../../base/index.ts';
import { type BlobBatch, CastoreError, type Digest, type Node, importTree } from '../../castore/index.ts';
import { ReapiError } from '../error.ts';
import type { WantedOutput, WantedOutputs } from './action-plan.ts';
import type { InnerTree, Place } from './inner-tree.ts';

/** What an action left where an output was wanted; the blobs are in the batch. */
export type CollectedOutput =
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly digest: Digest;
      readonly executable: boolean;
      /** In milliseconds since the epoch. */
      readonly mtime: number;
      readonly mode: number;
    }
  | { readonly kind: 'directory'; readonly name: string; readonly digest: Digest }
  | {
      readonly kind: 'symlink';
      readonly name: string;
      readonly target: string;
      /** What clients before 2.1 take it for. */
      readonly leadsTo: 'file' | 'directory';
    };

export interface CollectRequest {
  readonly tree: InnerTree;
  readonly outputs: WantedOutputs;
  readonly batch: BlobBatch;
  readonly signal: AbortSignal | undefined;
}

/** Those outputs that are there, in the order in which they were asked for. Throws `action/bad-output`. */
export async function collectOutputs({ tree, outputs, batch, signal }: CollectRequest): Promise<CollectedOutput[]> {
  const collected: CollectedOutput[] = [];
  for (const wanted of outputs.wanted) {
    const place = tree.resolve(wanted.path);
    if (place.kind === 'outside') throw bad(wanted, `is reached through a symlink that leads to '${place.target}'`);
    if (place.kind === 'nowhere' || place.stats === undefined) continue;
    const { real, stats } = place;
    if (wanted.kind === 'file' && stats.isDirectory()) throw bad(wanted, 'was wanted as a file and is a directory');
    if (wanted.kind === 'directory' && stats.isFile()) throw bad(wanted, 'was wanted as a directory and is a file');
    const node = await importOutput(wanted, { real, batch, signal });
    collected.push(describe(wanted, { node, tree, stats }));
  }
  return collected;
}

async function importOutput(
  wanted: WantedOutput,
  { real, batch, signal }: { readonly real: string } & Pick<CollectRequest, 'batch' | 'signal'>,
): Promise<Node> {
  try {
    return await importTree(real, batch, { signal, grantReading: true });
  } catch (error) {
    // What the system has to say of it, and of no file of an action, is ours.
    if (!(error instanceof CastoreError) || !/^(tree|directory)\//.test(error.code)) throw error;
    throw new ReapiError('action/bad-output', `the output '${wanted.name}' cannot be given back: ${error.message}`, {
      cause: error,
    });
  }
}

function describe(
  wanted: WantedOutput,
  {
    node,
    tree,
    stats,
  }: { readonly node: Node; readonly tree: InnerTree } & Pick<Extract<Place, { kind: 'inside' }>, 'stats'>,
): CollectedOutput {
  const { name } = wanted;
  switch (node.kind) {
    case 'directory':
      return { kind: 'directory', name, digest: node.digest };
    case 'file': {
      const { mtimeMs: mtime = 0, mode = 0 } = stats ?? {};
      return { kind: 'file', name, digest: node.digest, executable: node.executable, mtime, mode: mode & 0o7777 };
    }
    case 'symlink': {
      const target = textOf(node.target);
      if (target === undefined) throw bad(wanted, `is a symlink to '${displayBytes(node.target)}', which is no UTF-8`);
      const leadsTo = kindAt(tree.resolve(wanted.path, { followsLast: true }));
      if (wanted.kind !== 'any' && leadsTo !== undefined && leadsTo !== wanted.kind)
        throw bad(wanted, `was wanted as a ${wanted.kind} and is a symlink to '${target}', a ${leadsTo}`);
      const taken = leadsTo ?? (wanted.kind === 'directory' ? 'directory' : 'file');
      return { kind: 'symlink', name, target, leadsTo: taken === 'other' ? 'file' : taken };
    }
    default:
      return unreachable(node);
  }
}

/** Undefined for what leads nowhere. Of what is outside the host knows. */
function kindAt(place: Place): 'file' | 'directory' | 'other' | undefined {
  if (place.kind === 'nowhere') return undefined;
  const stats = place.kind === 'inside' ? place.stats : statOutside(place.target);
  if (stats === undefined) return undefined;
  return stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
}

function statOutside(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function bad({ name }: WantedOutput, why: string): ReapiError {
  return new ReapiError('action/bad-output', `the output '${name}' ${why}`);
}
