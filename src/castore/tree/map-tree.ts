import { type ByteString, displayBytes } from '../../base/index.ts';
import type { CallOptions } from '../blob-store.ts';
import { CastoreError } from '../error.ts';

/** How the directories of one kind of tree become those of another. `place` is a path within the tree, for messages. */
export interface TreeMapping<From, Contents, To> {
  key(from: From): string;
  /** What was made of directories before. */
  find(from: readonly From[]): Promise<readonly (To | undefined)[]>;
  read(from: From, place: string): Promise<Contents>;
  subdirectories(contents: Contents): readonly { readonly name: ByteString; readonly from: From }[];
  /** Called once all subdirectories are mapped, with what they became. */
  write(from: From, contents: Contents, place: string, mapped: (from: From) => To): Promise<To>;
}

export interface MapTreeOptions extends CallOptions {
  /** Directories within directories beyond which a tree is refused (`tree/too-deep`); 1024 unless given. */
  readonly maxDepth?: number;
}

interface Frame<From, Contents> {
  readonly from: From;
  readonly place: string;
  readonly contents: Contents;
  /** Subdirectories that may still have to be mapped. */
  readonly left: { readonly name: ByteString; readonly from: From }[];
}

/** Maps a tree from its leaves up, each directory once however often it occurs. */
export async function mapTree<From, Contents, To>(
  root: From,
  mapping: TreeMapping<From, Contents, To>,
  options: MapTreeOptions = {},
): Promise<To> {
  const { signal, maxDepth = 1024 } = options;
  const done = new Map<string, To>();
  const isDone = (from: From) => done.has(mapping.key(from));

  const lookUp = async (directories: readonly From[]) => {
    const found = directories.length === 0 ? [] : await mapping.find(directories);
    for (const [i, from] of directories.entries()) {
      const to = found[i];
      if (to !== undefined) done.set(mapping.key(from), to);
    }
  };

  const enter = async (from: From, place: string): Promise<Frame<From, Contents>> => {
    signal?.throwIfAborted();
    const contents = await mapping.read(from, place);
    const left = mapping.subdirectories(contents).filter(child => !isDone(child.from));
    await lookUp(left.map(child => child.from));
    return { from, place, contents, left };
  };

  const mapped = (from: From): To => {
    const to = done.get(mapping.key(from));
    if (to === undefined) throw new TypeError('a subdirectory was not mapped');
    return to;
  };

  await lookUp([root]);
  const stack: Frame<From, Contents>[] = isDone(root) ? [] : [await enter(root, '')];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.left.pop();
    if (next === undefined) {
      done.set(mapping.key(frame.from), await mapping.write(frame.from, frame.contents, frame.place, mapped));
      stack.pop();
    } else if (!isDone(next.from)) {
      const place = placeOf(frame.place, next.name);
      if (stack.length >= maxDepth) {
        throw new CastoreError('tree/too-deep', `'${place}' exceeds the maximum directory depth of ${maxDepth}`);
      }
      stack.push(await enter(next.from, place));
    }
  }
  return mapped(root);
}

/** The place of an entry of the directory at `place`. */
export function placeOf(place: string, name: ByteString): string {
  return place === '' ? displayBytes(name) : `${place}/${displayBytes(name)}`;
}

export function displayPlace(place: string): string {
  return place === '' ? 'the root of the tree' : `'${place}' in the tree`;
}
