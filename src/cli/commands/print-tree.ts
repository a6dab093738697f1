import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { type Store, requirePathInfo, sortPaths } from '../../store/index.ts';

/** How trees are drawn: before an entry, before the last one, and below each of them. */
export const treeConnection = '├───';
export const treeLast = '└───';
export const treeLine = '│   ';
export const treeBlank = '    ';

export interface PrintTreeOptions {
  /** What was shown before, with what is below it; gets what is shown now. */
  readonly done: Set<StorePath>;
  /** Called with byte strings. */
  readonly print: (line: string) => void;
}

interface Pending {
  readonly path: StorePath;
  readonly firstPad: string;
  readonly tailPad: string;
}

/** Draws what `root` refers to, and so on, each path's own references once. Throws `path/invalid`. */
export async function printTree(store: Store, root: StorePath, { done, print }: PrintTreeOptions): Promise<void> {
  // Without recursion: chains of references are as long as whoever made them likes.
  const stack: Pending[] = [{ path: root, firstPad: '', tailPad: '' }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { path, firstPad, tailPad } = top;
    const line = utf8(firstPad) + printStorePath(store.storeDir, path);
    if (done.has(path)) {
      print(`${line} [...]`);
      continue;
    }
    done.add(path);
    print(line);
    const { references } = await requirePathInfo(store, path);
    // In this order trees stay flat: what others among the references refer to comes first.
    const sorted = await sortPaths(store, references);
    const children = sorted.map(({ path: child }, at) => {
      const isLast = at === sorted.length - 1;
      const [first, tail] = isLast ? [treeLast, treeBlank] : [treeConnection, treeLine];
      return { path: child, firstPad: tailPad + first, tailPad: tailPad + tail };
    });
    stack.push(...children.toReversed());
  }
}

function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}
