import { bold, green, normal, red } from '../../base/index.ts';
import {
  type FlakeRef,
  equalFlakeRefs,
  evalError,
  formatFlakeRef,
  isLockedInput,
  relativePathOf,
} from '../../eval/index.ts';
import { type InputPath, compareInputPaths, formatInputPath } from './input-path.ts';
import type { LockEdge, LockNode } from './lock-file.ts';

/** The node that an input is; undefined where there is none. Throws `eval/error` for inputs that follow each other in a circle. */
export function findInput(root: LockNode, path: InputPath, visited: readonly string[] = []): LockNode | undefined {
  const shown = formatInputPath(path);
  const seen = visited.indexOf(shown);
  if (seen >= 0) {
    const cycle = [...visited.slice(seen), shown].join(' -> ');
    throw evalError`follow cycle detected: [${cycle}]`;
  }
  const trail = [...visited, shown];
  let node = root;
  for (const name of path) {
    const edge = node.inputs.get(name);
    const next = edge?.kind === 'follows' ? findInput(root, edge.path, trail) : edge?.node;
    if (next === undefined) return undefined;
    node = next;
  }
  return node;
}

/** Every input of every node, by the path that comes to it first, in order. */
export function allInputs(root: LockNode): (readonly [InputPath, LockEdge])[] {
  const done = new Set<LockNode>();
  const found: (readonly [InputPath, LockEdge])[] = [];
  const visit = (prefix: InputPath, node: LockNode): void => {
    if (done.has(node)) return;
    done.add(node);
    for (const [name, edge] of node.inputs) {
      const path = [...prefix, name];
      found.push([path, edge]);
      if (edge.kind === 'node') visit(path, edge.node);
    }
  };
  visit([], root);
  return found.toSorted(([a], [b]) => compareInputPaths(a, b));
}

/** Throws `eval/error` where an input is to be the same as one that is not there. */
export function checkFollows(root: LockNode): void {
  for (const [path, edge] of allInputs(root)) {
    if (edge.kind !== 'follows' || edge.path.length === 0 || findInput(root, edge.path) !== undefined) continue;
    throw evalError`input '${formatInputPath(path)}' follows a non-existent input '${formatInputPath(edge.path)}'`;
  }
}

/** A node of which it is not said once and for all what it is; `narHash` is enough where the user says so. */
export function findUnlocked(root: LockNode, allowsDirtyLocks: boolean): FlakeRef | undefined {
  for (const [, edge] of allInputs(root)) {
    if (edge.kind !== 'node') continue;
    const { locked } = edge.node;
    const { input } = locked;
    if (relativePathOf(input) !== undefined) continue;
    const isLocked = isLockedInput(input) || (allowsDirtyLocks && input.attributes.has('narHash'));
    if (!isLocked || input.attributes.get('__final') !== true) return locked;
  }
  return undefined;
}

/** What became of each input, a few lines each, with terminal escapes; empty where nothing did. */
export function diffLocks(before: LockNode, after: LockNode): string {
  const [old, now] = [before, after].map(root => {
    return new Map(allInputs(root).map(([path, edge]) => [formatInputPath(path), { path, edge }]));
  });
  const all = new Map([...(old ?? []), ...(now ?? [])].map(([key, { path }]) => [key, path]));
  let text = '';
  for (const [key] of [...all].toSorted(([, a], [, b]) => compareInputPaths(a, b))) {
    const [was, is] = [old?.get(key)?.edge, now?.get(key)?.edge];
    if (was === undefined && is !== undefined) {
      text += `• ${green}Added input '${key}':${normal}\n    ${describe(is)}\n`;
    } else if (was !== undefined && is === undefined) text += `• ${red}Removed input '${key}'${normal}\n`;
    else if (was !== undefined && is !== undefined && !equalEdges(was, is)) {
      text += `• ${bold}Updated input '${key}':${normal}\n    ${describe(was)}\n  → ${describe(is)}\n`;
    }
  }
  return text;
}

function describe(edge: LockEdge): string {
  if (edge.kind === 'follows') return `follows '${formatInputPath(edge.path)}'`;
  const { locked } = edge.node;
  const lastModified = locked.input.attributes.get('lastModified');
  const date = typeof lastModified === 'bigint' ? ` (${formatDate(lastModified)})` : '';
  return `'${formatFlakeRef(locked)}'${date}`;
}

/** Of seconds, the day in UTC. */
function formatDate(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
}

function equalEdges(a: LockEdge, b: LockEdge): boolean {
  if (a.kind === 'follows') return b.kind === 'follows' && formatInputPath(a.path) === formatInputPath(b.path);
  return b.kind === 'node' && equalFlakeRefs(a.node.locked, b.node.locked);
}
