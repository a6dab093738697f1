import { type ByteString, displayBytes } from '../base/index.ts';
import type { StoreDir } from '../nix-compat/index.ts';
import { mark } from './error-log.ts';
import { EvalError } from './eval-error.ts';
import { inputFromAttributes, inputToUrl } from './inputs/input.ts';
import type { FetchedTree } from './needs.ts';

/** What messages call a tree that was fetched, in place of where it is in the store. */
export type ShownTree =
  /** A commit or an archive: `«URL»`. */
  | { readonly kind: 'source'; readonly name: string }
  /** What git tracks of a work tree: by its folder. */
  | { readonly kind: 'work-tree'; readonly folder: string };

/** Undefined for what is called by its place in the store: folders, and what was downloaded without a word of what it is. */
export function shownTreeOf({ path, entries, attributes }: FetchedTree): ShownTree | undefined {
  if (entries !== undefined) return { kind: 'work-tree', folder: displayBytes(path) };
  const type = attributes.get('type');
  if (type === undefined || type === 'path') return undefined;
  return { kind: 'source', name: `«${inputToUrl(inputFromAttributes(attributes))}»` };
}

/** What is wrong with a path: nothing is there to be looked at, or to be read, or it is of another type. */
export type PathFault = 'absent' | 'missing' | 'no-file' | 'no-directory';

/** The trees that an evaluation has fetched, as messages call them. */
export class ShownTrees {
  readonly #storeDir: StoreDir;
  /** By store path. */
  readonly #trees = new Map<string, ShownTree>();

  readonly #isThere: (path: string) => boolean;

  /** `isThere` is whether something is at a path outside of the store. */
  constructor(storeDir: StoreDir, isThere: (path: string) => boolean) {
    this.#storeDir = storeDir;
    this.#isThere = isThere;
  }

  /** `path` is printed. */
  add(path: ByteString, tree: ShownTree): void {
    this.#trees.set(displayBytes(path), tree);
  }

  /** What messages call a path: as it is, outside of such trees. */
  show(path: string): string {
    const { tree, rest } = this.#find(path) ?? {};
    if (tree === undefined || rest === undefined) return path;
    return (tree.kind === 'source' ? tree.name : tree.folder) + rest;
  }

  /**
   * The error of a path in such a tree; undefined elsewhere, and where there is nothing to be said of it besides what the
   * system says.
   */
  explain(path: string, fault: PathFault): EvalError | undefined {
    const { tree, rest } = this.#find(path) ?? {};
    if (tree === undefined || rest === undefined) return undefined;
    if (tree.kind === 'source') {
      const shown = mark(tree.name + rest);
      if (fault === 'absent') return new EvalError('eval/error', `path '${shown}' does not exist`);
      if (fault === 'missing') return new EvalError('eval/error', `'${shown}' does not exist`);
      const wanted = fault === 'no-file' ? 'a regular file' : 'a directory';
      return new EvalError('eval/error', `'${shown}' is not ${wanted}`);
    }
    const isMissing = fault === 'absent' || fault === 'missing';
    return isMissing ? untrackedError(tree.folder, rest.slice(1), this.#isThere) : undefined;
  }

  #find(path: string): { readonly tree: ShownTree; readonly rest: string } | undefined {
    if (this.#trees.size === 0 || !path.startsWith(`${this.#storeDir}/`)) return undefined;
    const slash = path.indexOf('/', this.#storeDir.length + 1);
    const root = slash < 0 ? path : path.slice(0, slash);
    const tree = this.#trees.get(root);
    return tree === undefined ? undefined : { tree, rest: path.slice(root.length) };
  }
}

/** The error of a file that a work tree lacks, or that git does not know of. */
export function untrackedError(folder: string, file: string, isThere: (path: string) => boolean): EvalError {
  const [shown, repository] = [mark(file), mark(`"${folder}"`)];
  if (!isThere(`${folder}/${file}`)) {
    return new EvalError('eval/error', `Path '${shown}' does not exist in Git repository ${repository}.`);
  }
  const way = `To make it visible to Nix, run:\n\ngit -C ${repository} add "${shown}"`;
  return new EvalError(
    'eval/error',
    `Path '${shown}' in the repository ${repository} is not tracked by Git.\n\n${way}`,
  );
}
