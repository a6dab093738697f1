import { chmodSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Hasher,
  NarWriter,
  type NixHash,
  type Registration,
  type StorePath,
  encodeNix32,
  hashBytes,
  joinStorePath,
} from '../../src/nix-compat/index.ts';

/** How many paths a root keeps, and how many none does. */
export interface PathCounts {
  readonly live: number;
  readonly dead: number;
}

export interface DescribedPath extends Registration {
  readonly nar: { readonly hash: NixHash; readonly size: number };
  /** Of the file that the path is. */
  readonly contents: Buffer;
}

/**
 * Store paths, each a file of some 60 bytes. Each refers to up to three that come later, such that the first of the live
 * ones keeps all of them; every fifth dead one also refers to a live one.
 */
export function* describeStorePaths(counts: PathCounts): Generator<DescribedPath, void> {
  for (const kind of ['live', 'dead'] as const) {
    for (let i = 0; i < counts[kind]; i++) {
      const later = [2 * i + 1, 2 * i + 2, i + 7].filter(n => n < counts[kind]);
      const references = [...new Set(later)].map(n => pathOf(kind, n));
      if (kind === 'dead' && i % 5 === 0) references.push(pathOf('live', i % counts.live));
      const contents = Buffer.from(`This is the ${kind} path number ${i} of a store.\n`);
      yield { path: pathOf(kind, i), nar: narOf(contents), references, contents };
    }
  }
}

/** The root that keeps all that is live. */
export function liveRoot(): StorePath {
  return livePath(0);
}

/** The live path of that number: what it refers to has higher numbers. */
export function livePath(i: number): StorePath {
  return pathOf('live', i);
}

/** Makes the file of a path in the store directory, as Nix has it. */
export function makeStoreFile(storeDirectory: string, { path, contents }: DescribedPath): void {
  const file = join(storeDirectory, path);
  writeFileSync(file, contents);
  chmodSync(file, 0o444);
  utimesSync(file, 1, 1);
}

function pathOf(kind: keyof PathCounts, i: number): StorePath {
  const { digest } = hashBytes('sha256', Buffer.from(`${kind} ${i}`));
  return joinStorePath(encodeNix32(digest.subarray(0, 20)), `${kind}-${i}`);
}

function narOf(contents: Buffer): DescribedPath['nar'] {
  const hasher = new Hasher('sha256');
  let size = 0;
  const writer = new NarWriter(chunk => {
    hasher.update(chunk);
    size += chunk.byteLength;
  });
  writer.startFile(false, contents.byteLength);
  writer.fileData(contents);
  writer.endFile();
  return { hash: hasher.finish(), size };
}
