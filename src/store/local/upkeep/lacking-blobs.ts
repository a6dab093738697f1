import { type CallOptions, type Digest, decodeDirectory } from '../../../castore/index.ts';
import type { StorePath } from '../../../nix-compat/index.ts';
import type { LocalStore } from '../local-store.ts';

/** Those of `paths` whose trees have blobs that are absent or cannot be read. Each directory is looked at once. */
export async function pathsLackingBlobs(
  store: LocalStore,
  paths: readonly StorePath[],
  signal: CallOptions['signal'],
): Promise<StorePath[]> {
  const isPresent = ({ hash, size }: Digest) => size === 0 || store.blobs.isPresent(hash);
  const whole = new Map<string, Promise<boolean>>();
  const isWhole = (digest: Digest): Promise<boolean> => {
    const key = digest.hash;
    let known = whole.get(key);
    if (known === undefined) whole.set(key, (known = look(digest)));
    return known;
  };
  const look = async (digest: Digest): Promise<boolean> => {
    signal?.throwIfAborted();
    const bytes = await store.blobs.get(digest).catch(() => undefined);
    if (bytes === undefined) return false;
    const { entries } = decodeDirectory(bytes);
    const files = entries.flatMap(({ node }) =>
      node.kind === 'file' && node.digest.size > 0 ? [node.digest.hash] : [],
    );
    if (!store.blobs.arePresent(files)) return false;
    for (const { node } of entries) if (node.kind === 'directory' && !(await isWhole(node.digest))) return false;
    return true;
  };
  const lacking: StorePath[] = [];
  for (const path of paths) {
    const root = store.paths.find(path)?.root;
    if (root === undefined || root.kind === 'symlink') continue;
    if (!(root.kind === 'directory' ? await isWhole(root.digest) : isPresent(root.digest))) lacking.push(path);
  }
  return lacking;
}
