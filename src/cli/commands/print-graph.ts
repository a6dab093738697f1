import { type PathInfo, type StorePath, isDerivationPath, storePathName } from '../../nix-compat/index.ts';
import { type Store, requirePathInfo } from '../../store/index.ts';

const edgeColours = ['black', 'red', 'green', 'blue', 'magenta', 'burlywood'];

/** Writes what `roots` refer to as a graph for Graphviz. Throws `path/invalid`. */
export async function printDotGraph(
  store: Store,
  roots: readonly StorePath[],
  print: (line: string) => void,
): Promise<void> {
  let edges = 0;
  print('digraph G {');
  for await (const node of walk(store, roots)) {
    const { path } = node;
    print(`"${path}" [label = "${storePathName(path)}", shape = box, style = filled, fillcolor = "#ff0000"];`);
    for (const reference of (await node.info()).references) {
      if (reference === path) continue;
      print(`"${reference}" -> "${path}" [color = "${edgeColours[edges++ % edgeColours.length]}"];`);
    }
  }
  print('}');
}

/** Writes what `roots` refer to as GraphML. Throws `path/invalid`. */
export async function printGraphMl(
  store: Store,
  roots: readonly StorePath[],
  print: (line: string) => void,
): Promise<void> {
  print("<?xml version='1.0' encoding='utf-8'?>");
  print("<graphml xmlns='http://graphml.graphdrawing.org/xmlns'");
  print("    xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'");
  print("    xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>");
  const keys = [
    ['narSize', 'long'],
    ['name', 'string'],
    ['type', 'string'],
  ].map(([name, type]) => `<key id='${name}' for='node' attr.name='${name}' attr.type='${type}'/>`);
  print(`${keys.join('')}<graph id='G' edgedefault='directed'>`);
  for await (const node of walk(store, roots)) {
    const { path, narSize, references } = await node.info();
    // As C++ Nix has it: no name without a dash.
    const [name] = /^[^-]*-/.exec(storePathName(path)) ?? [''];
    print(`  <node id="${path}">`);
    print(`    <data key="narSize">${narSize}</data>`);
    print(`    <data key="name">${name}</data>`);
    print(`    <data key="type">${isDerivationPath(path) ? 'derivation' : 'output-path'}</data>`);
    print('  </node>');
    for (const reference of references) {
      if (reference !== path) print(`  <edge source="${path}" target="${reference}"/>`);
    }
  }
  print('</graph>');
  print('</graphml>');
}

/** A path that was reached, and what is known of it. */
interface GraphNode {
  readonly path: StorePath;
  /** Throws `path/invalid`. */
  readonly info: () => Promise<PathInfo>;
}

/** `roots` and all that they refer to: of what is known so far and was not met yet, always the first in order. */
async function* walk(store: Store, roots: readonly StorePath[]): AsyncGenerator<GraphNode> {
  const met = new Set<StorePath>(roots);
  const waiting = new PathHeap(roots);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const reached = path;
    let known: Promise<PathInfo> | undefined;
    const info = () => (known ??= requirePathInfo(store, reached));
    yield { path, info };
    for (const reference of (await info()).references) {
      if (met.has(reference)) continue;
      met.add(reference);
      waiting.push(reference);
    }
  }
}

/** A binary heap, the smallest path first. */
class PathHeap {
  readonly #paths: StorePath[] = [];

  constructor(paths: Iterable<StorePath>) {
    for (const path of paths) this.push(path);
  }

  push(path: StorePath): void {
    const heap = this.#paths;
    let at = heap.push(path) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above <= path) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = path;
  }

  pop(): StorePath | undefined {
    const heap = this.#paths;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      const child = this.#smallerChild(at);
      const below = heap[child];
      if (below === undefined || below >= last) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  }

  #smallerChild(at: number): number {
    const [left, right] = [2 * at + 1, 2 * at + 2];
    const [a, b] = [this.#paths[left], this.#paths[right]];
    return a !== undefined && b !== undefined && b < a ? right : left;
  }
}
