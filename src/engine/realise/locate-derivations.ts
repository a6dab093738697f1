import type { CallOptions } from '../../castore/index.ts';
import {
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import { type Store, outputsOfDerivations, readDerivations } from '../../store/index.ts';

export interface Stores {
  readonly store: Store;
  /** Where derivations are looked for first. */
  readonly evalStore: Store;
}

/** Where a derivation is, or what has to be realised before that can be said. */
export type LocatedDerivation =
  /** `home` is undefined where no store has it. */
  | { readonly kind: 'known'; readonly path: StorePath; readonly home: Store | undefined }
  | { readonly kind: 'made'; readonly maker: StorePath; readonly output: OutputName };

/** A deriving path that is followed, output by output. */
interface Pursuit {
  readonly index: number;
  readonly outputs: readonly OutputName[];
  /** Outputs that have been followed. */
  at: number;
  /** Of the derivation that these lead to, and of the one that made it. */
  path: StorePath;
  maker: StorePath | undefined;
}

/** Each of `derivations`, in their order; as many questions as the deepest of them has levels. Throws as `readDerivation`. */
export async function locateDerivations(
  stores: Stores,
  derivations: readonly SingleDerivingPath[],
  options: CallOptions = {},
): Promise<readonly LocatedDerivation[]> {
  const located: LocatedDerivation[] = [];
  let pursuits = derivations.map((derivation, index): Pursuit => {
    const { base, outputs } = unrollDerivingPath(derivation);
    return { index, outputs, at: 0, path: base, maker: undefined };
  });
  while (pursuits.length > 0) {
    const homes = await homesOf(
      stores,
      pursuits.map(({ path }) => path),
      options,
    );
    const next = new Map<Store, Pursuit[]>();
    for (const pursuit of pursuits) {
      const { index, outputs, at, path, maker } = pursuit;
      const home = homes.get(path);
      const [last, output] = [outputs[at - 1], outputs[at]];
      if (home === undefined && maker !== undefined && last !== undefined)
        located[index] = { kind: 'made', maker, output: last };
      else if (output === undefined) located[index] = { kind: 'known', path, home };
      else if (home === undefined) located[index] = { kind: 'made', maker: path, output };
      else appendTo(next, home, pursuit);
    }
    pursuits = [];
    for (const [home, some] of next) {
      const read = await readDerivations(
        home,
        some.map(({ path }) => path),
        options,
      );
      const known = await outputsOfDerivations(stores.store, read, { evalStore: home, ...options });
      for (const pursuit of some) {
        const { index, outputs, at, path } = pursuit;
        const output = outputs[at];
        if (output === undefined) continue;
        const made = known.get(path)?.get(output);
        if (made === undefined) located[index] = { kind: 'made', maker: path, output };
        else pursuits.push({ ...pursuit, at: at + 1, path: made, maker: path });
      }
    }
  }
  return located;
}

function appendTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Which store has each of `paths`, the one of derivations before the other. */
export async function homesOf(
  { store, evalStore }: Stores,
  paths: Iterable<StorePath>,
  options: CallOptions = {},
): Promise<ReadonlyMap<StorePath, Store>> {
  const homes = new Map<StorePath, Store>();
  const left = new Set(paths);
  for (const each of new Set([evalStore, store])) {
    if (left.size === 0) break;
    for (const path of await each.validPaths(left, options)) {
      homes.set(path, each);
      left.delete(path);
    }
  }
  return homes;
}
