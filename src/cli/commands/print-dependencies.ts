import { type ByteString, brandAs, byteStringFromText, byteStringOf } from '../../base/index.ts';
import { type StorePath, printStorePath, storePathHashLength, storePathHashPart } from '../../nix-compat/index.ts';
import type { DependencyStep, Store, TreeAccess, TreePath } from '../../store/index.ts';
import { blue, green, normal } from '../render/ansi.ts';
import type { StandardOutput } from '../render/standard-output.ts';
import { treeBlank, treeConnection, treeLast, treeLine } from './print-tree.ts';

export interface DependencyOptions {
  readonly from: StorePath;
  readonly to: StorePath;
  /** Whether all ways are shown, not only a shortest. */
  readonly all: boolean;
  /** Whether files that refer to the next path are shown. */
  readonly precise: boolean;
  readonly out: StandardOutput;
}

/** A path whose references are still to be shown, or a line that is. */
type Pending =
  | { readonly kind: 'line'; readonly path: StorePath; readonly text: (isVisited: boolean) => string }
  | { readonly kind: 'node'; readonly path: StorePath; readonly firstPad: string; readonly tailPad: string };

const grey = '\u001b[38;5;244m';

/** Bytes that are shown before and after a reference. */
const margin = 32;

/** Draws the ways from one store path to another, along references, as `nix why-depends` does. */
export class DependencyPrinter {
  readonly #store: Store;
  readonly #steps: ReadonlyMap<StorePath, DependencyStep>;
  readonly #options: DependencyOptions;
  readonly #visited = new Set<StorePath>();

  /** `steps` as `explainDependency` gives them. */
  constructor(store: Store, steps: ReadonlyMap<StorePath, DependencyStep>, options: DependencyOptions) {
    this.#store = store;
    this.#steps = steps;
    this.#options = options;
  }

  async print(): Promise<void> {
    const { from, precise } = this.#options;
    if (!precise) this.#line(this.#show(from));
    // Without recursion: chains of references are as long as whoever made them likes.
    const stack: Pending[] = [{ kind: 'node', path: from, firstPad: '', tailPad: '' }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.kind === 'line') {
        this.#line(next.text(this.#visited.has(next.path)));
        continue;
      }
      const isEnd = !(await this.#enter(next, stack));
      if (isEnd) return;
    }
  }

  #line(text: string): void {
    this.#options.out.byteLine(brandAs<ByteString>(text));
  }

  #show(path: StorePath): string {
    return printStorePath(this.#store.storeDir, path);
  }

  /** Shows a path; what is below it goes onto the stack. Returns whether to go on. */
  async #enter(node: Pending & { readonly kind: 'node' }, stack: Pending[]): Promise<boolean> {
    const { path, firstPad, tailPad } = node;
    const { all, precise, from, to } = this.#options;
    const wasVisited = this.#visited.has(path);
    if (precise) {
      const arrow = firstPad === '' ? '' : '→ ';
      this.#line(utf8(firstPad) + (wasVisited ? grey : '') + utf8(arrow) + this.#show(path) + normal);
    }
    if (path === to && !all && from !== to) return false;
    if (wasVisited) return true;
    if (precise) this.#visited.add(path);
    const steps = this.#steps.get(path)?.references ?? [];
    const hits = precise ? await this.#findHits(path, steps) : new Map<StorePath, string[]>();
    const below: Pending[] = [];
    for (const [at, step] of steps.entries()) {
      const isLast = all ? at === steps.length - 1 : true;
      const found = hits.get(step) ?? [];
      for (const [index, hit] of (all ? found : found.slice(0, 1)).entries()) {
        const branch = index === 0 ? (isLast ? treeLast : treeConnection) : isLast ? treeBlank : treeLine;
        below.push({ kind: 'line', path: step, text: () => utf8(tailPad + branch) + hit });
      }
      if (!precise) {
        const branch = isLast ? treeLast : treeConnection;
        const text = (isVisited: boolean): string => {
          this.#visited.add(path);
          return utf8(firstPad) + (isVisited ? grey : '') + utf8(branch) + this.#show(step) + normal;
        };
        below.push({ kind: 'line', path: step, text });
      }
      const pad = tailPad + (isLast ? treeBlank : treeLine);
      below.push({ kind: 'node', path: step, firstPad: pad, tailPad: pad });
    }
    stack.push(...below.toReversed());
    return true;
  }

  /** Where in the tree of `path` each of its references is, as it is shown. */
  async #findHits(path: StorePath, steps: readonly StorePath[]): Promise<Map<StorePath, string[]>> {
    const hits = new Map<StorePath, string[]>(steps.map(step => [step, []]));
    const tree = await this.#store.openTree(path);
    for await (const { names, contents, isLink } of walkContents(tree, [])) {
      const place = names.length === 0 ? '/' : names.join('/');
      for (const [reference, found] of hits) {
        const hash = storePathHashPart(reference);
        const at = contents.indexOf(hash);
        if (at < 0) continue;
        const colour = reference === this.#options.to ? green : blue;
        if (isLink) {
          found.push(`${place} -> ${highlight(contents, at, colour)}`);
        } else {
          const start = Math.max(0, at - margin);
          const part = contents.slice(start, at + hash.length + margin).replaceAll(/[^ -~]/gs, '.');
          found.push(`${place}: ${utf8('…')}${highlight(part, at - start, colour)}${utf8('…')}`);
        }
      }
    }
    return hits;
  }
}

interface Contents {
  readonly names: TreePath;
  readonly contents: string;
  readonly isLink: boolean;
}

/** Contents of files and targets of symlinks. Recursion is bounded by the depth of trees. */
async function* walkContents(tree: TreeAccess, names: TreePath): AsyncGenerator<Contents> {
  const entry = await tree.lookup(names);
  if (entry === undefined) return;
  if (entry.type === 'symlink') {
    yield { names, contents: entry.target, isLink: true };
  } else if (entry.type === 'directory') {
    for (const name of entry.names) yield* walkContents(tree, [...names, name]);
  } else {
    const chunks: string[] = [];
    for await (const chunk of tree.read(names)) chunks.push(byteStringOf(chunk));
    yield { names, contents: chunks.join(''), isLink: false };
  }
}

function highlight(text: string, at: number, colour: string): string {
  const end = at + storePathHashLength;
  return `${text.slice(0, at)}${colour}${text.slice(at, end)}${normal}${text.slice(end)}`;
}

function utf8(text: string): string {
  return byteStringFromText(text);
}
