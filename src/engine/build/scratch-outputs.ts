import { type ByteString, brandAs } from '../../base/index.ts';
import {
  type OutputName,
  type StoreDir,
  type StorePath,
  makeTypedStorePath,
  outputPathName,
  outputPlaceholder,
  printStorePath,
  storePathHashPart,
  storePathName,
  zeroHash,
} from '../../nix-compat/index.ts';
import type { BuildJob } from './derivation-builder.ts';
import type { OutputStates } from './output-states.ts';

/** Where a builder is told to put its outputs. */
export interface ScratchOutputs {
  readonly paths: ReadonlyMap<OutputName, StorePath>;
  /** What is replaced in all that the builder gets: placeholders, and hash parts of outputs that are not to be overwritten. */
  readonly rewrites: ReadonlyMap<ByteString, ByteString>;
}

export interface ScratchOptions {
  readonly storeDir: StoreDir;
  /** Whether outputs that are valid are out of the builder's reach, so that it can have their names. */
  readonly hidesOutputs: boolean;
}

/**
 * An output goes to its own path if that is known and nothing is there that must stay; else to one that nobody else has,
 * and what its contents say of it is rewritten afterwards.
 */
export function chooseScratchOutputs(job: BuildJob, states: OutputStates, options: ScratchOptions): ScratchOutputs {
  const { storeDir, hidesOutputs } = options;
  const paths = new Map<OutputName, StorePath>();
  const rewrites = new Map<ByteString, ByteString>();
  for (const [name, { path, validity }] of states) {
    const isFree = hidesOutputs || validity === 'absent' || (job.mode !== 'repair' && validity === 'corrupt');
    const scratch =
      path === undefined
        ? scratchPath(storeDir, `rewrite:${job.path}:name:${name}`, outputPathName(job.derivation.name, name))
        : isFree
          ? path
          : scratchPath(storeDir, `rewrite:${job.path}:${path}`, storePathName(path));
    paths.set(name, scratch);
    rewrites.set(outputPlaceholder(name), printStorePath(storeDir, scratch));
    if (path !== undefined && path !== scratch) {
      rewrites.set(brandAs<ByteString>(storePathHashPart(path)), brandAs<ByteString>(storePathHashPart(scratch)));
    }
  }
  return { paths, rewrites };
}

/** Of no type that store objects have, so that it is no other's. */
function scratchPath(storeDir: StoreDir, type: string, name: string): StorePath {
  return makeTypedStorePath(storeDir, type, zeroHash('sha256'), name);
}

/** `text` with all that `rewrites` names replaced, one after the other in byte order, as C++ Nix does it. */
export function rewriteText(text: ByteString, rewrites: ScratchOutputs['rewrites']): ByteString {
  let rewritten: string = text;
  for (const from of [...rewrites.keys()].toSorted())
    rewritten = rewritten.replaceAll(from, () => rewrites.get(from) ?? '');
  return brandAs<ByteString>(rewritten);
}
