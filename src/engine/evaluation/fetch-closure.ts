import { type Reporter, byteStringFromText } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type EvalNeed, type NeedAnswer, evalError } from '../../eval/index.ts';
import { isContentAddressed, parseStoreReference } from '../../nix-compat/index.ts';
import { type Store, computeClosure, copyPaths, makeContentAddressed, requirePathInfo } from '../../store/index.ts';

export type ClosureNeed = Extract<EvalNeed, { kind: 'closure' }>;

export interface FetchClosureOptions extends CallOptions {
  readonly openStore: (uri: string) => Promise<Store>;
  readonly reporter: Reporter;
  /** Whether the answer says all that the path refers to. */
  readonly wantsMembers: boolean;
}

/**
 * Makes a path of another store valid in `store` with all that it refers to, or under names that follow from contents.
 * Nothing is fetched where what is expected is there. Throws `eval/error` for stores that expressions may not name, and as
 * `copyPaths` and `makeContentAddressed`.
 */
export async function fetchClosure(
  store: Store,
  { from: uri, path, renamed }: ClosureNeed,
  { openStore, reporter, wantsMembers, signal }: FetchClosureOptions,
): Promise<NeedAnswer> {
  requireCache(uri);
  const expected = renamed ?? path;
  let made = path;
  if (expected !== 'unknown' && (await store.validPaths([expected], { signal })).has(expected)) made = expected;
  else {
    await using from = await openStore(uri);
    if (renamed === undefined) await copyPaths(from, store, [path], { closure: true, reporter, signal });
    else made = (await makeContentAddressed(from, store, [path], { reporter, signal })).get(path) ?? path;
  }
  const info = await requirePathInfo(store, made, { signal });
  const members = wantsMembers ? [...(await computeClosure(store, [made], { signal })).keys()] : undefined;
  return { kind: 'closure', path: made, isContentAddressed: isContentAddressed(store.storeDir, info), members };
}

/** Files may be named by C++ Nix's tests alone, as there. */
function requireCache(uri: string): void {
  const reference = parseStoreReference(byteStringFromText(uri), { workingDirectory: '/' });
  const schemes = ['http', 'https', ...(process.env['_NIX_IN_TEST'] === undefined ? [] : ['file'])];
  if (reference.kind !== 'specified' || !schemes.includes(reference.scheme)) {
    throw evalError`'fetchClosure' only supports http:// and https:// stores`;
  }
  if (reference.params.size > 0) {
    throw evalError`'fetchClosure' does not support URL query parameters (in '${uri}')`;
  }
}
