import { byteStringFromText, byteStringOf } from '../../src/base/index.ts';
import type { StorePath } from '../../src/nix-compat/index.ts';
import type { PathAddition } from '../../src/store/index.ts';
import { type TestTree, noise, offerTree, openTestStore } from '../../src/testing/index.ts';

const text = byteStringFromText;

export interface ClosureCache {
  readonly uri: string;
  /** Each after those that it refers to; the last refers to all others, if not directly. */
  readonly paths: readonly StorePath[];
}

function tree(seed: number, fileSizes: readonly number[]): TestTree {
  const entries = fileSizes.map((size, at) => {
    const contents = byteStringOf(noise(size, seed * 100 + at));
    return [text(`file${String(at).padStart(3, '0')}`), { type: 'file', executable: at === 1, contents }] as const;
  });
  return { type: 'directory', entries: [...entries, [text('link'), { type: 'symlink', target: text('file000') }]] };
}

/** Makes a binary cache in `folder` with a closure of so many paths, none of them signed, whose files have these sizes. */
export async function makeClosureCache(
  folder: string,
  { paths: count, fileSizes }: { readonly paths: number; readonly fileSizes: readonly number[] },
): Promise<ClosureCache> {
  const uri = `file://${folder}?compression=zstd`;
  await using cache = await openTestStore(uri);
  const additions: PathAddition[] = [];
  for (let at = 0; at < count; at++) {
    const references = additions.slice(Math.max(0, at - 2)).map(({ path }) => path);
    additions.push(offerTree(tree(at, fileSizes), { name: `path${at}`, references }));
  }
  await cache.writer?.add(additions);
  return { uri, paths: additions.map(({ path }) => path) };
}
