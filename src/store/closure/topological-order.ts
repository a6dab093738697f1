import { type StoreDir, type StorePath, compareStorePaths, printStorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';

/**
 * `paths` in an order that has each after those it refers to (references to itself and to others than `paths` do not
 * count). Of all such orders it is the one that C++ Nix prints. Throws `path/cycle`.
 */
export function topologicalOrder(
  storeDir: StoreDir,
  paths: Iterable<StorePath>,
  referencesOf: (path: StorePath) => Iterable<StorePath>,
): StorePath[] {
  const items = [...new Set(paths)].toSorted(compareStorePaths);
  const present = new Set(items);
  const order: StorePath[] = [];
  const entered = new Set<StorePath>();
  const stack: { readonly path: StorePath; readonly references: Iterator<StorePath> }[] = [];
  const open = new Set<StorePath>();
  const enter = (path: StorePath): void => {
    entered.add(path);
    open.add(path);
    const references = [...referencesOf(path)].filter(reference => reference !== path && present.has(reference));
    stack.push({ path, references: references.toSorted(compareStorePaths).values() });
  };
  // Without recursion: chains of references are as long as whoever made them likes.
  for (const item of items) {
    if (!entered.has(item)) enter(item);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.references.next();
      if (next.done === true) {
        order.push(top.path);
        open.delete(top.path);
        stack.pop();
      } else if (open.has(next.value)) {
        throw cycle(storeDir, next.value, top.path);
      } else if (!entered.has(next.value)) enter(next.value);
    }
  }
  return order;
}

function cycle(storeDir: StoreDir, path: StorePath, parent: StorePath): StoreError {
  const [to, from] = [path, parent].map(each => printStorePath(storeDir, each));
  return new StoreError('path/cycle', `cycle detected in the references of '${to}' from '${from}'`);
}
