import type { CallOptions } from '../../castore/index.ts';
import type { ContentAddress, StorePath } from '../../nix-compat/index.ts';
import { exploreGraph } from '../closure/explore-graph.ts';
import { downloadSizeOf } from '../download-size.ts';
import type { Store } from '../store.ts';
import type { Substituters } from './substituters.ts';

/** Paths that are asked for at a time; substituters that are far away have limits of their own. */
export const lookupsAtOnce = 64;

/** What realising some paths would take. */
export interface MissingPaths {
  /** Had from somewhere, signed or not. */
  readonly willSubstitute: ReadonlySet<StorePath>;
  /** Had from nowhere. */
  readonly unknown: ReadonlySet<StorePath>;
  /** Bytes, as far as substituters say how many. */
  readonly downloadSize: number;
  /** Bytes of the NARs. */
  readonly narSize: number;
}

export interface QueryMissingOptions extends CallOptions {
  /** What some of the paths must be (`FindOptions.contentAddress`). */
  readonly contentAddresses?: ReadonlyMap<StorePath, ContentAddress>;
}

/** What of `paths`, and of all that they refer to, `store` lacks. Throws as `Substituters.find`. */
export async function queryMissing(
  store: Store,
  substituters: Substituters,
  paths: Iterable<StorePath>,
  { signal, contentAddresses }: QueryMissingOptions = {},
): Promise<MissingPaths> {
  const willSubstitute = new Set<StorePath>();
  const unknown = new Set<StorePath>();
  let downloadSize = 0;
  let narSize = 0;
  const wanted = new Set(paths);
  // Nearly always all of them: one question, where exploring asks one for each.
  const missing = wanted.difference(await store.validPaths(wanted, { signal }));
  await exploreGraph(missing, { limit: lookupsAtOnce, signal }, async (path, stop) => {
    if ((await store.validPaths([path], { signal: stop })).has(path)) return [];
    const found = await substituters.find(path, { contentAddress: contentAddresses?.get(path), signal: stop });
    if (found === undefined) {
      unknown.add(path);
      return [];
    }
    willSubstitute.add(path);
    downloadSize += downloadSizeOf(found.info);
    narSize += found.info.narSize;
    return found.info.references;
  });
  return { willSubstitute, unknown, downloadSize, narSize };
}
