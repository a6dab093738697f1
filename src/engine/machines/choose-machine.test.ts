import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseMachine } from './choose-machine.ts';

const machine = (name: string, speedFactor: number, load: number) => ({ name, machine: { speedFactor }, load });

test('the least loaded for its speed is chosen, then the fastest, then the first', () => {
  const choose = (...all: ReturnType<typeof machine>[]) => chooseMachine(all)?.name;
  assert.equal(choose(), undefined);
  assert.equal(choose(machine('a', 1, 1), machine('b', 1, 0)), 'b');
  assert.equal(choose(machine('a', 1, 1), machine('b', 4, 3)), 'b');
  assert.equal(choose(machine('a', 4, 3), machine('b', 1, 0)), 'b');
  assert.equal(choose(machine('a', 1, 0), machine('b', 2, 0)), 'b');
  assert.equal(choose(machine('a', 2, 2), machine('b', 1, 1)), 'a');
  assert.equal(choose(machine('a', 1, 1), machine('b', 1, 1)), 'a');
});
