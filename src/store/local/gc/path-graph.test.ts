import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Database, digestOf } from '../../../castore/index.ts';
import { type StorePath, hashBytes, joinStorePath } from '../../../nix-compat/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { PathTable, type Registration } from '../path-table.ts';
import { storeSchema } from '../store-schema.ts';
import { PathGraph, PathMarks } from './path-graph.ts';

const path = (letter: string, name = 'x'): StorePath => joinStorePath(letter.repeat(32), name);
const narHash = hashBytes('sha256', Buffer.from('nar'));
const root = { kind: 'file', digest: digestOf(Buffer.from('file')), executable: false } as const;

function registration(of: StorePath, references: readonly StorePath[] = []): Registration {
  return { info: { path: of, narHash, narSize: 5, references, signatures: [] }, root };
}

function derivedFrom(deriver: StorePath, { info, root: tree }: Registration): Registration {
  return { info: { ...info, deriver }, root: tree };
}

function withTable(registrations: readonly Registration[], check: (graph: PathGraph, table: PathTable) => void): void {
  using folder = temporaryFolder();
  using database = new Database(join(folder.path, 'db.sqlite'), [storeSchema]);
  const table = new PathTable(database);
  table.register(registrations);
  check(new PathGraph(database), table);
}

const nothing = { keepOutputs: false, keepDerivations: false };

test('roots keep what they refer to; outputs and derivations keep each other only on request', () => {
  const drv = path('d', 'x.drv');
  const registrations = [
    derivedFrom(drv, registration(path('a'), [path('a'), path('b')])),
    registration(path('b')),
    registration(path('c'), [path('b')]),
    { ...registration(drv, [path('s')]), outputs: [{ output: 'out', path: path('a') }] },
    registration(path('s')),
  ];
  withTable(registrations, graph => {
    const live = (roots: StorePath[], options = nothing) => {
      const marks = new PathMarks(graph, options);
      marks.markPaths(roots);
      return graph.paths.filter((_, node) => marks.isLive(node));
    };
    assert.deepEqual(live([]), []);
    assert.deepEqual(live([path('z')]), []);
    assert.deepEqual(live([path('a')]), [path('a'), path('b')]);
    assert.deepEqual(live([drv]), [drv, path('s')]);
    assert.deepEqual(live([drv], { ...nothing, keepOutputs: true }), [path('a'), path('b'), drv, path('s')]);
    assert.deepEqual(live([path('a')], { ...nothing, keepDerivations: true }), [path('a'), path('b'), drv, path('s')]);
    assert.deepEqual(live([path('b')], { keepOutputs: true, keepDerivations: true }), [path('b')]);
  });
});

const letters = Array.from('0123456789abcdfghijklmnpqrsvwxyz');

test('every prefix of the dead can go without leaving a dangling reference', () => {
  const graphs = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(graphs, fc.array(fc.nat(19), { maxLength: 3 }), fc.nat(), (shape, roots, cut) => {
      // References go to earlier paths, or to oneself, in an order that is not that of the names.
      const nameOf = (node: number) => path(letters[(node * 7) % 32] ?? '0', `n${node}`);
      const registrations = shape.map((to, node) =>
        registration(nameOf(node), [...new Set(to.map(n => nameOf(n % (node + 1))))]),
      );
      withTable(registrations, (graph, table) => {
        const marks = new PathMarks(graph, nothing);
        marks.markPaths(roots.map(nameOf));
        const dead = graph.deadInOrder(marks).order.map(node => graph.pathAt(node));
        assert.equal(dead.length, graph.paths.filter((_, node) => !marks.isLive(node)).length);
        assert.equal(new Set(dead).size, dead.length);
        table.invalidate(dead.slice(0, cut % (dead.length + 1)));
      });
    }),
    { numRuns: 40 },
  );
});

test('cycles, which no sound store has, are among the dead too', () => {
  const names = ['a', 'b', 'c', 'd'].map(letter => path(letter));
  const [a = path('a'), b = path('b'), c = path('c'), d = path('d')] = names;
  withTable([registration(a, [b]), registration(b, [c]), registration(c, [b, d]), registration(d)], graph => {
    const { order, knot } = graph.deadInOrder(new PathMarks(graph, nothing));
    assert.deepEqual([knot, order.map(node => graph.pathAt(node))], [1, [a, b, c, d]]);
  });
});
