import type { CallOptions } from '../../castore/index.ts';
import { ExportWriter, type StorePath } from '../../nix-compat/index.ts';
import { sortPaths } from '../closure/sort-paths.ts';
import { invalidPath } from '../require-path-info.ts';
import type { Store } from '../store.ts';

export interface ExportPathsOptions extends CallOptions {
  /** Waits until whoever is written to has room. */
  readonly drain?: () => Promise<void>;
}

/**
 * Writes `paths` as `nix-store --export` does, each once and after those of them that it refers to. What `write` gets is
 * lent to it. Throws `path/invalid` before anything is written, and `export/hash-changed`.
 */
export async function exportPaths(
  store: Store,
  paths: Iterable<StorePath>,
  write: (bytes: Uint8Array) => void,
  options: ExportPathsOptions = {},
): Promise<void> {
  const infos = (await sortPaths(store, paths, options)).map(({ path, info }) => {
    if (info === undefined) throw invalidPath(store.storeDir, path);
    return info;
  });
  const writer = new ExportWriter(store.storeDir, write);
  for (const info of infos) {
    await store.streamPath(info.path, writer.startObject(), options);
    writer.endObject(info);
    await options.drain?.();
  }
  writer.end();
}
