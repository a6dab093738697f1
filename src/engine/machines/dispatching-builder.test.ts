import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import { type Machine, type StorePath, isBuildSuccess, parseMachines, printStorePath } from '../../nix-compat/index.ts';
import { LocalStore } from '../../store/index.ts';
import {
  ScriptedBuilder,
  addTestDerivation,
  freeSlots,
  openLocalStoreIn,
  outputOf,
  outsOf,
  recordReports,
  temporaryFolder,
} from '../../testing/index.ts';
import { Realiser } from '../realise/realiser.ts';
import { DispatchingBuilder } from './dispatching-builder.ts';
import type { ConnectToMachine } from './machine-connection.ts';
import { KnownMachines } from './known-machines.ts';
import { MachineHealth } from './machine-health.ts';
import { MachinePool } from './machine-pool.ts';
import { SlotLocks } from './slot-locks.ts';

interface RigOptions {
  /** A machines file. */
  readonly machines: string;
  /** Builds at a time on this machine; 0 for a store that is not built in. */
  readonly slots?: number;
  /** In place of a connection that works. */
  readonly connect?: ConnectToMachine;
}

/** This machine and another one, both building by script, and who realises by them. */
function openRig({ machines, slots = 1, connect }: RigOptions) {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const here = openLocalStoreIn(at('here'));
  const there = new LocalStore({ dataFolder: at('data'), storeDir: here.storeDir, realStoreDir: at('there') });
  const local = new ScriptedBuilder(here, slots);
  const machine = new ScriptedBuilder(there, 1);
  const { reporter, reports } = recordReports();
  const asked: Machine[] = [];
  const connectThere: ConnectToMachine = () =>
    Promise.resolve({
      store: there,
      kind: 'store',
      trustsUs: true,
      isReusable: true,
      build: ({ path, derivation, mode }, { signal, reporter: told }) =>
        machine.build({ path, derivation, mode }, { signal, reporter: told, slots: freeSlots, weight: 0 }),
      realise: () => Promise.reject(new Error('not asked for')),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  const builder = new DispatchingBuilder({
    store: here,
    local: slots === 0 ? undefined : local,
    othersLook: false,
    openElsewhere: () => {
      const pool = new MachinePool({
        machines: parseMachines(machines, {
          systems: new Set(['test']),
          workingDirectory: '/',
          readFile: () => undefined,
        }),
        connect: (of, options) => {
          asked.push(of);
          return (connect ?? connectThere)(of, options);
        },
        locks: new SlotLocks(at('current-load')),
        health: new MachineHealth(),
        pollInterval: 1000,
      });
      return new KnownMachines(here, pool);
    },
    settings: {
      substitutes: false,
      limits: { maxSilentTime: 0, timeout: 0, maxLogSize: 0, keepsFailed: false },
      systems: new Set(['test']),
    },
    logLines: 10,
    keepsLog: true,
    compressesLog: false,
    showsLogs: false,
    recordsRealisations: false,
    hasNixCommand: false,
    postBuildHook: '',
    variables: {},
    config: () => '',
  });
  const settings = {
    keepGoing: true,
    fallback: false,
    substitute: false,
    alwaysAllowSubstitutes: false,
    recordsRealisations: false,
    maxSubstitutionJobs: 1,
  };
  const realiser = new Realiser({ store: here, substituters: undefined, builder, settings, reporter });
  return {
    here,
    there,
    local,
    machine,
    asked,
    reports,
    realise: async (paths: readonly StorePath[], signal = new AbortController().signal) => {
      const wanted = paths.map(path => outputOf(path));
      return (await realiser.realise(wanted, { signal })).paths.map(({ result }) => result.outcome);
    },
    async [Symbol.asyncDispose]() {
      await builder[Symbol.asyncDispose]();
      await here[Symbol.asyncDispose]();
      await there[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test('a machine builds with inputs from here, and what it made is here', async () => {
  await using rig = openRig({ machines: 'm' });
  const base = await addTestDerivation(rig.here, 'base', {});
  const top = await addTestDerivation(rig.here, 'top', { inputs: outsOf(base) });
  const [outcome] = await rig.realise([top]);
  assert.ok(outcome !== undefined && isBuildSuccess(outcome));
  assert.deepEqual([rig.machine.built, rig.local.built], [['base', 'top'], []]);
  for (const { path } of outcome.builtOutputs.values()) assert.ok((await rig.here.pathInfo(path)) !== undefined);
  // The connection was used again.
  assert.equal(rig.asked.length, 1);
});

test('what the machine has no slot for is built here meanwhile', async () => {
  await using rig = openRig({ machines: 'm' });
  const both = [await addTestDerivation(rig.here, 'a', {}), await addTestDerivation(rig.here, 'b', {})];
  const running = Promise.withResolvers<void>();
  let begun = 0;
  const meet = async () => {
    if (++begun === 2) running.resolve();
    await running.promise;
  };
  for (const builder of [rig.local, rig.machine]) for (const name of ['a', 'b']) builder.scripts.set(name, meet);
  assert.ok((await rig.realise(both)).every(isBuildSuccess));
  assert.deepEqual([rig.machine.built.length, rig.local.built.length], [1, 1]);
});

test('without a machine for it a build is here, and what prefers it in any case', async () => {
  await using rig = openRig({ machines: 'm - - 1 1 - special' });
  const plain = await addTestDerivation(rig.here, 'plain', {});
  const special = await addTestDerivation(rig.here, 'special', { env: { requiredSystemFeatures: 'special' } });
  const own = await addTestDerivation(rig.here, 'own', {
    env: { requiredSystemFeatures: 'special', preferLocalBuild: '1' },
  });
  await rig.realise([plain]);
  await rig.realise([special]);
  await rig.realise([own]);
  assert.deepEqual([rig.machine.built, rig.local.built], [['special'], ['plain', 'own']]);
});

test('where nobody builds it, the reason of each machine is told', async () => {
  await using rig = openRig({ machines: 'm - - 2 1 kvm', slots: 0 });
  const path = await addTestDerivation(rig.here, 'special', { env: { requiredSystemFeatures: 'special' } });
  const [outcome] = await rig.realise([path]);
  assert.ok(outcome !== undefined && !isBuildSuccess(outcome));
  assert.equal(outcome.status, 'InputRejected');
  assert.match(displayBytes(outcome.message), /primary store that isn't a local store/);
  const said = JSON.stringify(rig.reports).replaceAll(/\\u001b\[[0-9;]*m/g, '');
  assert.match(said, /Failed to find a machine for remote build!/);
  assert.match(said, /required \(system, features\): \(test, \[special\]\)/);
  assert.match(said, /\(\[test\], 2, \[kvm\], \[\]\)/);
});

test('a machine that cannot be reached is asked once, and others build', async () => {
  const connect: ConnectToMachine = (_machine, { errors }) => {
    errors(Buffer.from('nobody is at home\n'));
    return Promise.reject(new Error('no answer'));
  };
  await using rig = openRig({ machines: 'm', connect });
  const base = await addTestDerivation(rig.here, 'base', {});
  const top = await addTestDerivation(rig.here, 'top', { inputs: outsOf(base) });
  assert.ok((await rig.realise([top])).every(isBuildSuccess));
  assert.deepEqual([rig.asked.length, rig.local.built], [1, ['base', 'top']]);
  assert.match(JSON.stringify(rig.reports), /cannot build on 'ssh:\/\/m': no answer: nobody is at home/);
});

test('what fails there fails here, with what the machine says', async () => {
  await using rig = openRig({ machines: 'm', slots: 0 });
  const path = await addTestDerivation(rig.here, 'broken', {});
  rig.machine.scripts.set('broken', () => Promise.resolve({ failure: 'PermanentFailure' }));
  const [outcome] = await rig.realise([path]);
  assert.ok(outcome !== undefined && !isBuildSuccess(outcome));
  assert.equal(outcome.status, 'MiscFailure');
  const printed = displayBytes(printStorePath(rig.here.storeDir, path));
  assert.ok(JSON.stringify(rig.reports).includes(`build of '${printed}' on 'ssh://m' failed: broken fails`));
});

test('whoever waits for a machine can be called off, and what is built there, too', async () => {
  await using rig = openRig({ machines: 'm', slots: 0 });
  const both = [await addTestDerivation(rig.here, 'a', {}), await addTestDerivation(rig.here, 'b', {})];
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const script = (_job: unknown, signal: AbortSignal) => {
    begun.resolve();
    return new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  for (const name of ['a', 'b']) rig.machine.scripts.set(name, script);
  const realising = rig.realise(both, stop.signal);
  await begun.promise;
  stop.abort(new Error('enough'));
  await assert.rejects(realising, /enough/);
  assert.equal(rig.machine.built.length, 1);
});
