import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Machine, parseMachines, parseStorePath } from '../../nix-compat/index.ts';
import { type BuildNeeds, canTake, runsActions } from './build-needs.ts';
import { describeNoMachine } from './describe-no-machine.ts';

function machinesOf(text: string): readonly Machine[] {
  return parseMachines(text, { systems: new Set(['test']), workingDirectory: '/', readFile: () => undefined });
}

const plain: BuildNeeds = { system: 'test', features: new Set(), actionObstacle: undefined };
const fixed: BuildNeeds = { ...plain, actionObstacle: 'has a fixed output, for which it may use the network' };

const schemes: Readonly<Record<string, boolean>> = {
  'reapi://m': true,
  'reapis://m': true,
  'reapi+unix:///run/reapi': true,
  'ssh://m': false,
  'ssh-ng://m': false,
  m: false,
};

for (const [uri, isServer] of Object.entries(schemes)) {
  test(`${uri} ${isServer ? 'runs actions alone' : 'builds in a store'}`, () => {
    const [machine] = machinesOf(`${uri} - - 1 1 kvm`);
    assert.ok(machine !== undefined);
    assert.equal(runsActions(machine), isServer);
    assert.equal(canTake(machine, plain), true);
    assert.equal(canTake(machine, fixed), !isServer);
    assert.equal(canTake(machine, { ...plain, features: new Set(['kvm']) }), true);
    assert.equal(canTake(machine, { ...plain, features: new Set(['big']) }), false);
    assert.equal(canTake(machine, { ...plain, system: 'vax' }), false);
  });
}

test('of servers that would have it, the obstacle is told', () => {
  const machines = machinesOf('reapi://able ; ssh://m vax ; reapi://other vax');
  const path = parseStorePath(`${'a'.repeat(32)}-name.drv`);
  // oxlint-disable-next-line no-control-regex -- colours
  const said = (needs: BuildNeeds) => describeNoMachine(path, needs, machines).replaceAll(/\u001b\[[0-9;]*m/g, '');
  assert.match(said(fixed), /^3 available machines:$/m);
  const told = /^'(.*)' runs actions, which it cannot be: it (.*)$/gm;
  const obstacles = Array.from(said(fixed).matchAll(told), ([, uri, why]) => [uri, why]);
  assert.deepEqual(obstacles, [['reapi://able', fixed.actionObstacle]]);
  assert.doesNotMatch(said({ ...plain, system: 'pdp' }), /runs actions/);
});
