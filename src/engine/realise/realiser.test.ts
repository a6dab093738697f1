import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type DerivationOutput,
  type DerivingPath,
  type StorePath,
  builtPath,
  isBuildSuccess,
  makeDerivationFile,
  namedOutputs,
  opaquePath,
  printStorePath,
  resolveDerivation,
} from '../../nix-compat/index.ts';
import { type LocalStore, Substituters, addDerivation, outputIds, readDerivation } from '../../store/index.ts';
import {
  MemoryStore,
  ScriptedBuilder,
  addTestDerivation,
  offerTree,
  openLocalStoreIn,
  out,
  outputOf,
  outsOf,
  recordReports,
  temporaryFolder,
} from '../../testing/index.ts';
import type { DerivationBuilder } from '../build/derivation-builder.ts';
import { planRealisation } from './plan-realisation.ts';
import { type RealiseSettings } from './realise-context.ts';
import { Realiser } from './realiser.ts';

const plain: RealiseSettings = {
  keepGoing: false,
  fallback: false,
  substitute: true,
  alwaysAllowSubstitutes: false,
  recordsRealisations: false,
  maxSubstitutionJobs: 4,
};

interface RigOptions {
  readonly slots?: number;
  readonly settings?: Partial<RealiseSettings>;
}

/** A store, a builder by script, a substituter, and who realises by them. */
function openRig({ slots = 1, settings = {} }: RigOptions = {}) {
  const folder = temporaryFolder();
  const store = openLocalStoreIn(folder.path);
  const cache = new MemoryStore({ uri: 'memory://cache', storeDir: store.storeDir, isTrusted: true });
  const substituters = new Substituters([cache], { storeDir: store.storeDir, trust: store });
  const builder = new ScriptedBuilder(store, slots);
  const { reporter, reports } = recordReports();
  const realiser = new Realiser({ store, substituters, builder, settings: { ...plain, ...settings }, reporter });
  const { signal } = new AbortController();
  return {
    store,
    cache,
    builder,
    reports,
    realise: async (...wanted: DerivingPath[]) => {
      const plan = await planRealisation({ store, substituters }, wanted);
      return realiser.realise(wanted, { signal, plan });
    },
    plan: (...wanted: DerivingPath[]) => planRealisation({ store, substituters }, wanted),
    realiser,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

async function outOf(store: LocalStore, path: StorePath): Promise<StorePath> {
  const output = (await readDerivation(store, path)).outputs.get(out);
  assert.ok(output?.kind === 'input-addressed');
  return output.path;
}

const floating: DerivationOutput = { kind: 'floating', method: 'nar', algorithm: 'sha256' };

test('a derivation that several need is built once, inputs before what needs them', async () => {
  await using rig = openRig({ slots: 4 });
  const { store, builder } = rig;
  const base = await addTestDerivation(store, 'base', {});
  const left = await addTestDerivation(store, 'left', { inputs: outsOf(base) });
  const right = await addTestDerivation(store, 'right', { inputs: outsOf(base) });
  const top = await addTestDerivation(store, 'top', { inputs: outsOf(left, right) });
  const { paths } = await rig.realise(outputOf(top), outputOf(left));
  assert.deepEqual(
    paths.map(({ result }) => result.outcome.status),
    ['Built', 'Built'],
  );
  assert.deepEqual([builder.built[0], builder.built.at(-1), builder.built.length], ['base', 'top', 4]);
  const again = await rig.realise(outputOf(top));
  assert.deepEqual(
    again.paths.map(({ result }) => result.outcome.status),
    ['AlreadyValid'],
  );
  assert.equal(builder.built.length, 4);
});

test('no more builds go on at a time than there are slots', async () => {
  await using rig = openRig({ slots: 2 });
  const { store, builder } = rig;
  const paths: StorePath[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) paths.push(await addTestDerivation(store, name, {}));
  await rig.realise(...paths.map(path => outputOf(path)));
  assert.equal(builder.mostRunning, 2);
});

test('nothing is told of builds before they are settled, and their failure to settle is thrown', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  const base = await addTestDerivation(store, 'base', {});
  const top = await addTestDerivation(store, 'top', { inputs: outsOf(base) });
  const settling: PromiseWithResolvers<void>[] = [];
  const early: DerivationBuilder = {
    slots: 1,
    rejection: () => undefined,
    build: async (job, options) => {
      const result = await builder.build(job, options);
      const settled = Promise.withResolvers<void>();
      settling.push(settled);
      options.settles?.(settled.promise);
      if (settling.length === 2) setImmediate(() => settling[0]?.resolve());
      return result;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const { reporter } = recordReports();
  const realiser = new Realiser({ store, substituters: undefined, builder: early, settings: plain, reporter });
  let isTold = false;
  const realised = realiser.realise([outputOf(top)], { signal: new AbortController().signal });
  const told = realised.then(
    () => (isTold = true),
    () => (isTold = true),
  );
  while (settling.length < 2) await turn();
  await settling[0]?.promise;
  await turn();
  assert.deepEqual([builder.built, isTold], [['base', 'top'], false]);
  settling[1]?.reject(new Error('no space left'));
  await told;
  await assert.rejects(realised, /no space left/);
});

test('plans weigh what most waits for', async () => {
  await using rig = openRig();
  const { store } = rig;
  const short = await addTestDerivation(store, 'short', {});
  const first = await addTestDerivation(store, 'first', {});
  const second = await addTestDerivation(store, 'second', { inputs: outsOf(first, short) });
  const third = await addTestDerivation(store, 'third', { inputs: outsOf(second) });
  const top = await addTestDerivation(store, 'top', { inputs: outsOf(short, third) });
  const { weights, willBuild } = await rig.plan(outputOf(top));
  assert.equal(willBuild.size, 5);
  assert.deepEqual(
    [top, third, second, first, short].map(path => weights.get(path)),
    [0, 1, 2, 3, 3],
  );
});

test('a failure ends what needs it, and all else unless it is to go on', async () => {
  for (const keepGoing of [false, true]) {
    await using rig = openRig({ slots: 2, settings: { keepGoing } });
    const { store, builder, reports } = rig;
    const bad = await addTestDerivation(store, 'bad', {});
    const slow = await addTestDerivation(store, 'slow', {});
    const top = await addTestDerivation(store, 'top', { inputs: outsOf(bad, slow) });
    const slowBegun = Promise.withResolvers<void>();
    const badFailed = Promise.withResolvers<void>();
    builder.scripts.set('bad', async () => {
      await slowBegun.promise;
      badFailed.resolve();
      return { failure: 'PermanentFailure' };
    });
    builder.scripts.set('slow', async (_job, signal) => {
      slowBegun.resolve();
      await badFailed.promise;
      if (keepGoing) return;
      await new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const { paths, failures } = await rig.realise(outputOf(top));
    assert.deepEqual([...failures].toSorted(), ['DependencyFailed', 'PermanentFailure']);
    const outcome = paths[0]?.result.outcome;
    assert.ok(outcome !== undefined && !isBuildSuccess(outcome));
    assert.equal(outcome.status, 'DependencyFailed');
    assert.match(displayBytes(outcome.message), /1 dependency failed/);
    const errors = reports.flatMap(report => (report.kind === 'log' && report.level === 'error' ? report.text : []));
    assert.deepEqual(errors, ['error: bad fails']);
    assert.equal((await store.validPaths([await outOf(store, slow)])).size, keepGoing ? 1 : 0);
  }
});

test('what fails once a failure has called off all is not told of', async () => {
  await using rig = openRig({ slots: 2 });
  const { store, builder, reports } = rig;
  const bad = await addTestDerivation(store, 'bad', {});
  const slow = await addTestDerivation(store, 'slow', {});
  const onBad = await addTestDerivation(store, 'on-bad', { inputs: outsOf(bad) });
  const onSlow = await addTestDerivation(store, 'on-slow', { inputs: outsOf(slow) });
  const slowBegun = Promise.withResolvers<void>();
  builder.scripts.set('bad', async () => {
    await slowBegun.promise;
    return { failure: 'PermanentFailure' };
  });
  builder.scripts.set('slow', async (_job, signal) => {
    slowBegun.resolve();
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
    return { failure: 'PermanentFailure' };
  });
  const { paths } = await rig.realise(...[bad, slow, onBad, onSlow].map(path => outputOf(path)));
  assert.deepEqual(
    paths.map(({ path }) => path.kind === 'built' && path.derivation.kind === 'opaque' && path.derivation.path),
    [bad],
  );
  const errors = reports.flatMap(report => (report.kind === 'log' && report.level === 'error' ? report.text : []));
  assert.deepEqual(errors, ['error: bad fails']);
});

test('of what is wanted independently only the first calls off the others', async () => {
  for (const first of ['bad', 'slow'] as const) {
    await using rig = openRig({ slots: 2 });
    const { store, builder } = rig;
    const drvs = { bad: await addTestDerivation(store, 'bad', {}), slow: await addTestDerivation(store, 'slow', {}) };
    const slowBegun = Promise.withResolvers<void>();
    const badFailed = Promise.withResolvers<void>();
    builder.scripts.set('bad', async () => {
      await slowBegun.promise;
      badFailed.resolve();
      return { failure: 'PermanentFailure' };
    });
    builder.scripts.set('slow', async (_job, signal) => {
      slowBegun.resolve();
      await badFailed.promise;
      if (first === 'slow') return;
      await new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const names = first === 'bad' ? (['bad', 'slow'] as const) : (['slow', 'bad'] as const);
    const { paths } = await rig.realiser.realise(
      names.map(name => outputOf(drvs[name])),
      { signal: new AbortController().signal, areIndependent: true },
    );
    assert.equal(paths.length, first === 'bad' ? 1 : 2);
    assert.equal((await store.validPaths([await outOf(store, drvs.slow)])).size, first === 'bad' ? 0 : 1);
  }
});

test('what substituters have is not built, nor what only that would need', async () => {
  await using rig = openRig();
  const { store, builder, cache } = rig;
  const base = await addTestDerivation(store, 'base', {});
  const middle = await addTestDerivation(store, 'middle', { inputs: outsOf(base) });
  const top = await addTestDerivation(store, 'top', { inputs: outsOf(middle) });
  const output = await outOf(store, middle);
  cache.put('middle', [], { path: output });
  const plan = await rig.plan(outputOf(top));
  assert.deepEqual([...plan.willBuild], [top]);
  assert.deepEqual([...plan.willSubstitute], [output]);
  await rig.realise(outputOf(top));
  assert.deepEqual(builder.built, ['top']);
});

test('a substituter that fails is an error, or a reason to build with fallback', async () => {
  for (const fallback of [false, true]) {
    await using rig = openRig({ settings: { fallback } });
    const { store, builder, cache } = rig;
    const path = await addTestDerivation(store, 'one', {});
    const output = await outOf(store, path);
    cache.put('one', [], { path: output });
    cache.streamErrors.set(output, new Error('line cut'));
    const { paths } = await rig.realise(outputOf(path));
    assert.equal(paths[0]?.result.outcome.status, fallback ? 'Built' : 'TransientFailure');
    assert.equal(builder.built.length, fallback ? 1 : 0);
  }
});

test('a derivation that prefers to be built is not substituted', async () => {
  await using rig = openRig();
  const { store, builder, cache } = rig;
  const path = await addTestDerivation(store, 'one', { env: { allowSubstitutes: '' } });
  cache.put('one', [], { path: await outOf(store, path) });
  assert.deepEqual([...(await rig.plan(outputOf(path))).willBuild], [path]);
  await rig.realise(outputOf(path));
  assert.deepEqual(builder.built, ['one']);
});

test('content-addressed inputs are put in before a derivation is built; equal ones build nothing again', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  const same = async () => ({ contents: byteStringFromText('the same') });
  builder.scripts.set('early-a', same).set('early-b', same);
  const outputs = new Map([[out, floating]]);
  const tops: StorePath[] = [];
  for (const variant of ['a', 'b']) {
    const early = await addTestDerivation(store, `early-${variant}`, { outputs });
    // Of the same name, so that the same contents have the same path.
    const middle = await addTestDerivation(store, 'middle', { outputs, inputs: outsOf(early), env: { variant: 'x' } });
    tops.push(await addTestDerivation(store, 'top', { inputs: outsOf(middle) }));
  }
  const [a, b] = tops;
  assert.ok(a !== undefined && b !== undefined && a !== b);
  const first = await rig.realise(outputOf(a));
  assert.equal(first.paths[0]?.result.outcome.status, 'Built');
  assert.deepEqual(builder.built, ['early-a', 'middle', 'top']);
  const second = await rig.realise(outputOf(b));
  // Its early input has another name, and so another path; from there on all is new.
  assert.equal(second.paths[0]?.result.outcome.status, 'ResolvesToAlreadyValid');
  assert.deepEqual(builder.built.slice(3), ['early-b', 'middle']);
});

test('an output of an output is built when the derivation that it is of has come about', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  const inner = await addTestDerivation(store, 'inner', {});
  const text = Buffer.from((await readText(store, inner)) ?? '', 'latin1').toString('latin1');
  const text2: DerivationOutput = { kind: 'floating', method: 'text', algorithm: 'sha256' };
  const outer = await addTestDerivation(store, 'inner.drv', { outputs: new Map([[out, text2]]) });
  builder.scripts.set('inner.drv', async () => ({ contents: brandAs<ByteString>(text) }));
  const wanted: DerivingPath = {
    kind: 'built',
    derivation: builtPath(opaquePath(outer), out),
    outputs: namedOutputs([out]),
  };
  const { paths } = await rig.realise(wanted);
  assert.deepEqual(builder.built, ['inner.drv', 'inner']);
  const outcome = paths[0]?.result.outcome;
  assert.ok(outcome !== undefined && isBuildSuccess(outcome));
  assert.equal(outcome.builtOutputs.get(out)?.path, await outOf(store, inner));
});

test('of a derivation whose inputs were not known only the outputs are substituted that are wanted', async () => {
  await using rig = openRig();
  const { store, cache, builder } = rig;
  const dev = byteStringFromText('dev');
  const outputs = new Map([
    [out, floating],
    [dev, floating],
  ]);
  const base = await addTestDerivation(store, 'base', { outputs: new Map([[out, floating]]) });
  const top = await addTestDerivation(store, 'top', { outputs, inputs: outsOf(base) });
  const built = (await rig.realise(outputOf(base))).paths[0]?.result.outcome;
  assert.ok(built !== undefined && isBuildSuccess(built));
  const lookup = () => built.builtOutputs.get(out)?.path;
  const resolved = resolveDerivation(store.storeDir, await readDerivation(store, top), lookup);
  assert.ok(resolved !== undefined);
  const { path } = await addDerivation(
    store,
    makeDerivationFile(store.storeDir, { ...resolved, inputDerivations: new Map() }),
  );
  const id = (await outputIds(store, path)).get(dev);
  assert.ok(id !== undefined);
  const tree = offerTree({ type: 'file', executable: false, contents: byteStringFromText('of another machine') });
  await cache.writer.add([tree]);
  await cache.writer.addRealisation({ id, path: tree.path, signatures: [] });
  await rig.realise(outputOf(top, dev));
  assert.deepEqual([builder.built, cache.streamed], [['base'], [tree.path]]);
});

test('plans say which outputs are of derivations that are yet to be made, and look into those that are', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  const inner = await addTestDerivation(store, 'inner', {});
  const text = brandAs<ByteString>((await readText(store, inner)) ?? '');
  const asText: DerivationOutput = { kind: 'floating', method: 'text', algorithm: 'sha256' };
  const maker = await addTestDerivation(store, 'inner.drv', { outputs: new Map([[out, asText]]) });
  builder.scripts.set('inner.drv', async () => ({ contents: text }));
  const dynamic = new Map([[out, { outputs: [out], dynamic: new Map() }]]);
  const user = await addTestDerivation(store, 'user', { inputs: new Map([[maker, { outputs: [], dynamic }]]) });
  const before = await rig.plan(outputOf(user));
  assert.deepEqual([...before.willBuild].toSorted(), [maker, user].toSorted());
  const innerOut: DerivingPath = {
    kind: 'built',
    derivation: builtPath(opaquePath(maker), out),
    outputs: namedOutputs([out]),
  };
  assert.deepEqual(before.unplanned, [innerOut]);
  assert.equal(before.weights.get(maker), 1);
  await rig.realise({ kind: 'built', derivation: opaquePath(maker), outputs: namedOutputs([out]) });
  const after = await rig.plan(outputOf(user));
  assert.deepEqual([...after.willBuild].toSorted(), [inner, user].toSorted());
  assert.deepEqual(after.unplanned, []);
  assert.equal(after.weights.get(inner), 1);
});

async function readText(store: LocalStore, path: StorePath): Promise<string> {
  const tree = await store.openTree(path);
  let text = '';
  for await (const chunk of tree.read([])) text += Buffer.from(chunk).toString('latin1');
  return text;
}

test('what is not there and nobody has fails, with what needs it', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  const absent = brandAs<StorePath>(`${'a'.repeat(32)}-absent`);
  const { paths } = await rig.realise(opaquePath(absent));
  const outcome = paths[0]?.result.outcome;
  assert.ok(outcome !== undefined && !isBuildSuccess(outcome));
  assert.equal(
    displayBytes(outcome.message),
    `path '${displayBytes(printStorePath(store.storeDir, absent))}' is required, but there is no substituter that can build it`,
  );
  const derivation = brandAs<StorePath>(`${'b'.repeat(32)}-absent.drv`);
  const second = await rig.realise(outputOf(derivation));
  assert.equal(second.paths[0]?.result.outcome.status, 'DependencyFailed');
  const wrongOutput = await rig.realise(outputOf(await addTestDerivation(store, 'one', {}), byteStringFromText('dev')));
  assert.equal(wrongOutput.paths[0]?.result.outcome.status, 'MiscFailure');
  assert.deepEqual(builder.built, []);
});

test('being called off ends everything, and throws the reason', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  const stop = new AbortController();
  const reason = new Error('enough');
  builder.scripts.set('one', async (_job, signal) => {
    const aborted = new Promise<void>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    );
    stop.abort(reason);
    await aborted;
  });
  const one = await addTestDerivation(store, 'one', {});
  const top = await addTestDerivation(store, 'top', { inputs: outsOf(one) });
  await assert.rejects(rig.realiser.realise([outputOf(top)], { signal: stop.signal }), reason);
});

test('a builder that breaks is not taken for a build that fails', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  builder.scripts.set('one', () => Promise.reject(new Error('out of order')));
  const one = await addTestDerivation(store, 'one', {});
  const top = await addTestDerivation(store, 'top', { inputs: outsOf(one) });
  await assert.rejects(rig.realise(outputOf(top)), /out of order/);
});

test('a long chain neither recurses too deep nor waits for itself', async () => {
  await using rig = openRig();
  const { store, builder } = rig;
  let path: StorePath | undefined;
  for (let at = 0; at < 40; at++) {
    const inputs = path === undefined ? outsOf() : outsOf(path);
    path = await addTestDerivation(store, `link-${at}`, { inputs });
  }
  assert.ok(path !== undefined);
  await rig.realise(outputOf(path));
  assert.equal(builder.built.length, 40);
});
