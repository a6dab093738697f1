import type { Database } from '../../../castore/index.ts';
import { type StorePath, parseStorePath } from '../../../nix-compat/index.ts';

export interface LivenessOptions {
  /** Whether a live derivation keeps its outputs (`keep-outputs`). */
  readonly keepOutputs: boolean;
  /** Whether a live output keeps the derivations that have it as a known output (`keep-derivations`). */
  readonly keepDerivations: boolean;
}

/** Edges of one kind, as two arrays: those of node n are `targets[starts[n]]` to before `targets[starts[n + 1]]`. */
interface Edges {
  readonly starts: Int32Array;
  readonly targets: Int32Array;
}

/** Valid paths and what keeps what, as a snapshot in memory: beside the paths' names some 30 bytes a path and 4 an edge. */
export class PathGraph {
  /** By index. */
  readonly paths: readonly StorePath[];
  readonly #index = new Map<StorePath, number>();
  readonly #references: Edges;
  readonly #outputs: Edges;
  readonly #derivations: Edges;

  constructor(database: Database) {
    const paths: StorePath[] = [];
    const byId = new Map<unknown, number>();
    for (const { id, path } of database.iterate('SELECT id, path FROM paths ORDER BY path')) {
      const storePath = parseStorePath(String(path));
      byId.set(id, paths.length);
      this.#index.set(storePath, paths.length);
      paths.push(storePath);
    }
    this.paths = paths;
    const references = new EdgeList();
    for (const { referrer, reference } of database.iterate('SELECT referrer, reference FROM refs')) {
      references.add(byId.get(referrer), byId.get(reference));
    }
    this.#references = references.index(paths.length);
    const outputs = new EdgeList();
    for (const { derivation, id } of database.iterate(
      'SELECT derivation, paths.id AS id FROM derivation_outputs JOIN paths USING (path)',
    )) {
      outputs.add(byId.get(derivation), byId.get(id));
    }
    this.#outputs = outputs.index(paths.length);
    this.#derivations = outputs.reversed().index(paths.length);
  }

  indexOf(path: StorePath): number | undefined {
    return this.#index.get(path);
  }

  /** Marks everything that `roots` keep; those that are not valid keep nothing. One byte a path, 1 if it is kept. */
  markLive(roots: Iterable<StorePath>, options: LivenessOptions): Uint8Array {
    const live = new Uint8Array(this.paths.length);
    const kinds = [
      this.#references,
      ...(options.keepOutputs ? [this.#outputs] : []),
      ...(options.keepDerivations ? [this.#derivations] : []),
    ];
    const open: number[] = [];
    const mark = (node: number) => {
      if (live[node] === 1) return;
      live[node] = 1;
      open.push(node);
    };
    for (const root of roots) {
      const node = this.#index.get(root);
      if (node !== undefined) mark(node);
    }
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const { starts, targets } of kinds) {
        const end = starts[node + 1] ?? 0;
        for (let edge = starts[node] ?? 0; edge < end; edge++) mark(targets[edge] ?? 0);
      }
    }
    return live;
  }

  /**
   * The paths that are not marked, each before what it refers to, so that any prefix can be deleted without leaving a
   * reference to something that is gone.
   */
  deadInOrder(live: Uint8Array): StorePath[] {
    const referrers = new Int32Array(this.paths.length);
    const dead = this.paths.flatMap((_, node) => (live[node] === 0 ? [node] : []));
    for (const node of dead) this.#eachReference(node, target => increment(referrers, target));
    const free = dead.filter(node => referrers[node] === 0);
    for (let at = 0; at < free.length; at++) {
      this.#eachReference(free[at] ?? 0, target => {
        const left = (referrers[target] ?? 0) - 1;
        referrers[target] = left;
        if (left === 0 && live[target] === 0) free.push(target);
      });
    }
    return free.map(node => this.#pathAt(node));
  }

  /** But for the reference to itself. */
  #eachReference(node: number, action: (target: number) => void): void {
    const { starts, targets } = this.#references;
    for (let edge = starts[node] ?? 0; edge < (starts[node + 1] ?? 0); edge++) {
      const target = targets[edge] ?? 0;
      if (target !== node) action(target);
    }
  }

  #pathAt(node: number): StorePath {
    const path = this.paths[node];
    if (path === undefined) throw new RangeError(`no path ${node}`);
    return path;
  }
}

/** Edges as they are read. */
class EdgeList {
  readonly #pairs: number[] = [];

  add(from: number | undefined, to: number | undefined): void {
    if (from !== undefined && to !== undefined) this.#pairs.push(from, to);
  }

  reversed(): EdgeList {
    const list = new EdgeList();
    for (let i = 0; i < this.#pairs.length; i += 2) list.add(this.#pairs[i + 1], this.#pairs[i]);
    return list;
  }

  index(nodes: number): Edges {
    const starts = new Int32Array(nodes + 1);
    for (let i = 0; i < this.#pairs.length; i += 2) increment(starts, (this.#pairs[i] ?? 0) + 1);
    for (let node = 0; node < nodes; node++) starts[node + 1] = (starts[node + 1] ?? 0) + (starts[node] ?? 0);
    const next = starts.slice();
    const targets = new Int32Array(this.#pairs.length / 2);
    for (let i = 0; i < this.#pairs.length; i += 2) {
      const from = this.#pairs[i] ?? 0;
      targets[next[from] ?? 0] = this.#pairs[i + 1] ?? 0;
      increment(next, from);
    }
    return { starts, targets };
  }
}

function increment(counts: Int32Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}
