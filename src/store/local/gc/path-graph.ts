import type { Database } from '../../../castore/index.ts';
import { type StorePath, parseStorePath } from '../../../nix-compat/index.ts';

import type { RealisedEdge } from './realised-outputs.ts';

export interface LivenessOptions {
  /** Whether a live derivation keeps its outputs (`keep-outputs`). */
  readonly keepOutputs: boolean;
  /** Whether a live path keeps the derivation that it is known to come from (`keep-derivations`). */
  readonly keepDerivations: boolean;
}

/** Edges of one kind, as two arrays: those of node n are `targets[starts[n]]` to before `targets[starts[n + 1]]`. */
interface Edges {
  readonly starts: Int32Array;
  readonly targets: Int32Array;
}

/**
 * Valid paths and what keeps what, as a snapshot in memory: beside the paths' names some 50 bytes a path and 4 an edge.
 * Nodes are numbered in ascending order of their paths.
 */
export class PathGraph {
  readonly paths: readonly StorePath[];
  /** Row numbers of the table of paths, by node. */
  readonly ids: Float64Array;
  readonly references: Edges;
  readonly outputs: Edges;
  readonly derivers: Edges;
  readonly #nodes = new Map<StorePath, number>();

  /** `realised`: outputs that do not follow from their derivations. */
  constructor(database: Database, realised: Iterable<RealisedEdge> = []) {
    const paths: StorePath[] = [];
    const ids: number[] = [];
    const nodeOfId = new Map<unknown, number>();
    const derivers: [node: number, deriver: string][] = [];
    for (const { id, path, deriver } of database.iterate('SELECT id, path, deriver FROM paths ORDER BY path')) {
      const storePath = parseStorePath(String(path));
      nodeOfId.set(id, paths.length);
      this.#nodes.set(storePath, paths.length);
      if (typeof deriver === 'string') derivers.push([paths.length, deriver]);
      ids.push(Number(id));
      paths.push(storePath);
    }
    this.paths = paths;
    this.ids = Float64Array.from(ids);
    const references = new EdgeList();
    for (const { referrer, reference } of database.iterate('SELECT referrer, reference FROM path_refs')) {
      references.add(nodeOfId.get(referrer), nodeOfId.get(reference));
    }
    this.references = references.index(paths.length);
    const outputs = new EdgeList();
    for (const { derivation, id } of database.iterate(
      'SELECT derivation, paths.id AS id FROM derivation_outputs JOIN paths USING (path)',
    )) {
      outputs.add(nodeOfId.get(derivation), nodeOfId.get(id));
    }
    for (const [derivation, output] of realised) outputs.add(this.#nodes.get(derivation), this.#nodes.get(output));
    this.outputs = outputs.index(paths.length);
    const nodes: ReadonlyMap<string, number> = this.#nodes;
    const deriverEdges = new EdgeList();
    for (const [node, deriver] of derivers) deriverEdges.add(node, nodes.get(deriver));
    this.derivers = deriverEdges.index(paths.length);
  }

  nodeOf(path: StorePath): number | undefined {
    return this.#nodes.get(path);
  }

  pathAt(node: number): StorePath {
    const path = this.paths[node];
    if (path === undefined) throw new RangeError(`no path ${node}`);
    return path;
  }

  /**
   * The nodes that are not live, each before what it refers to, so that any prefix can be deleted without leaving a
   * reference to something that is gone. Cycles, which no sound store has, come last, with what is below them: from
   * `knot` on all go together.
   */
  deadInOrder(marks: PathMarks): { readonly order: readonly number[]; readonly knot: number } {
    const referrers = new Int32Array(this.paths.length);
    const dead = Array.from(this.paths.keys()).filter(node => !marks.isLive(node));
    for (const node of dead) this.#eachReference(node, target => increment(referrers, target));
    const order = dead.filter(node => referrers[node] === 0);
    for (let at = 0; at < order.length; at++) {
      this.#eachReference(order[at] ?? 0, target => {
        const left = (referrers[target] ?? 0) - 1;
        referrers[target] = left;
        if (left === 0 && !marks.isLive(target)) order.push(target);
      });
    }
    const knot = order.length;
    if (knot === dead.length) return { order, knot };
    return { order: [...order, ...dead.filter(node => (referrers[node] ?? 0) > 0)], knot };
  }

  /** But for the reference to itself. */
  #eachReference(node: number, action: (target: number) => void): void {
    const { starts, targets } = this.references;
    for (let edge = starts[node] ?? 0; edge < (starts[node + 1] ?? 0); edge++) {
      const target = targets[edge] ?? 0;
      if (target !== node) action(target);
    }
  }
}

/** Which nodes of a graph are live: what roots keep. Nothing that was marked becomes unmarked. */
export class PathMarks {
  readonly #graph: PathGraph;
  readonly #kinds: readonly Edges[];
  readonly #live: Uint8Array;

  constructor(graph: PathGraph, options: LivenessOptions) {
    this.#graph = graph;
    this.#live = new Uint8Array(graph.paths.length);
    this.#kinds = [
      graph.references,
      ...(options.keepOutputs ? [graph.outputs] : []),
      ...(options.keepDerivations ? [graph.derivers] : []),
    ];
  }

  isLive(node: number): boolean {
    return this.#live[node] === 1;
  }

  /** Paths that the graph does not have keep nothing. */
  markPaths(roots: Iterable<StorePath>): void {
    for (const root of roots) {
      const node = this.#graph.nodeOf(root);
      if (node !== undefined) this.mark(node);
    }
  }

  /** Marks `root` and everything that it keeps. */
  mark(root: number): void {
    if (this.#live[root] === 1) return;
    this.#live[root] = 1;
    const open = [root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const { starts, targets } of this.#kinds) {
        const end = starts[node + 1] ?? 0;
        for (let edge: number = starts[node] ?? 0; edge < end; edge++) {
          const target = targets[edge] ?? 0;
          if (this.#live[target] === 1) continue;
          this.#live[target] = 1;
          open.push(target);
        }
      }
    }
  }
}

/** Edges as they are read. */
class EdgeList {
  readonly #pairs: number[] = [];

  add(from: number | undefined, to: number | undefined): void {
    if (from !== undefined && to !== undefined) this.#pairs.push(from, to);
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
