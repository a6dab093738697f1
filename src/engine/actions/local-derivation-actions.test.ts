import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ForeignDigest } from '../../castore/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import { parseStorePath } from '../../nix-compat/index.ts';
import {
  ActionCache,
  ExecutionQueue,
  LocalActionExecutor,
  defaultActionSettings,
  outputNode,
  readAction,
} from '../../reapi/index.ts';
import { BuildRig, addTestPath, findBusybox } from '../../testing/index.ts';
import { openDerivationActions } from './open-derivation-actions.ts';

/** Counts the processes that are started. */
class CountingExecutor extends LocalExecutor {
  count = 0;

  override run(...args: Parameters<LocalExecutor['run']>): ReturnType<LocalExecutor['run']> {
    // An empty sandbox is tried first.
    if (args[0].argv[0] !== 'none') this.count++;
    return super.run(...args);
  }
}

function open() {
  const executor = new CountingExecutor();
  const sandboxPaths = new Map([['/bin/sh', { source: findBusybox(), optional: false }]]);
  const rig = new BuildRig({ executor, settings: { sandbox: 'true', sandboxPaths }, actions: openDerivationActions });
  chmodSync(rig.folder.path, 0o755);
  return { rig, executor, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

/** The actions whose results are known, and who says so. */
function actionsIn({ rig }: ReturnType<typeof open>): { readonly action: ForeignDigest; readonly origin: number }[] {
  const sql = 'SELECT lower(hex(hash)) AS hash, size, origin FROM action_results ORDER BY hold';
  return rig.store.blobs.folder.database.all(sql).map(({ hash, size, origin }) => ({
    action: { function: 'sha256', hash: String(hash), size: Number(size) },
    origin: Number(origin),
  }));
}

/** Collects all store paths. */
async function collect({ rig }: ReturnType<typeof open>): Promise<void> {
  rig.store.temporaryRoots[Symbol.dispose]();
  await rig.store.collector.collect();
  assert.deepEqual(await rig.store.index.allPaths(), []);
}

const script = (input: string) => `
  read -r small < ${input}/small; echo "$small" >&2
  mkdir $out; echo "built $extra" >$out/file; echo '#!/bin/sh' >$out/tool; chmod +x $out/tool; ln -s file $out/link
  echo $input >$out/refers`;

test('a builder is an action: what it left is found, and it is not run again', async () => {
  await using opened = open();
  const { rig, executor } = opened;
  const input = await addTestPath(rig.store, 'input');
  const printed = `${rig.store.storeDir}/${input}`;
  const build = { script: script(printed), inputs: [input], env: { extra: 'x', input: printed } };
  const { out = '' } = await rig.built(build);
  assert.equal(readFileSync(join(out, 'file'), 'utf8'), 'built x\n');
  assert.equal(readlinkSync(join(out, 'link')), 'file');
  assert.equal(lstatSync(join(out, 'tool')).mode & 0o111, 0o111);
  const info = await rig.store.pathInfo(parseStorePath(out.slice(out.lastIndexOf('/') + 1)));
  assert.deepEqual(info?.references, [input]);
  assert.equal(executor.count, 1);
  assert.equal(actionsIn(opened).length, 1);

  await collect(opened);
  await addTestPath(rig.store, 'input');
  const again = await rig.built(build);
  assert.equal(again['out'], out);
  assert.equal(readFileSync(join(out, 'file'), 'utf8'), 'built x\n');
  assert.equal(executor.count, 1);

  const { out: other = '' } = await rig.built({ ...build, env: { ...build.env, extra: 'y' } });
  assert.equal(readFileSync(join(other, 'file'), 'utf8'), 'built y\n');
  assert.equal(executor.count, 2);
  assert.equal(actionsIn(opened).length, 2);
});

test('what somebody else says of a builder is not believed', async () => {
  await using opened = open();
  const { rig, executor } = opened;
  const build = { script: 'echo right >$out' };
  const { out = '' } = await rig.built(build);
  const [known] = actionsIn(opened);
  assert.equal(known?.origin, 0);
  const cache = new ActionCache(rig.store.blobs);
  const key = { instance: '', action: known.action };
  const evil = (await cache.get(key))?.result ?? assert.fail();
  await cache.record(key, evil, { origin: 'uploaded' });
  await collect(opened);
  await rig.built(build);
  assert.equal(readFileSync(out, 'utf8'), 'right\n');
  assert.equal(executor.count, 2);
  assert.equal(actionsIn(opened)[0]?.origin, 0);
});

test('the action of a builder is executed like any other, and its result is the build’s', async () => {
  await using opened = open();
  const { rig, executor } = opened;
  const build = { script: 'echo hello >$out' };
  const { out = '' } = await rig.built(build);
  const name = out.slice(out.lastIndexOf('/') + 1);
  const [known] = actionsIn(opened);
  const { action } = known ?? assert.fail();
  const { root } = rig.store.paths.require(parseStorePath(name));
  // Somebody who has the action's blobs and knows nothing of Nix.
  const { blobs } = rig.store;
  const cache = new ActionCache(blobs);
  await using local = new LocalActionExecutor(blobs, executor, defaultActionSettings('here', 1));
  await using queue = new ExecutionQueue({ cache, executor: local });
  const key = { instance: '', action };
  const plan = await readAction(blobs, action);
  const operation = queue.execute({ key, plan, priority: 0, skipsCache: true });
  const states = await Array.fromAsync(operation.watch(new AbortController().signal));
  const last = states.at(-1);
  assert.ok(last?.stage === 'completed' && last.outcome.kind === 'ended');
  const [output] = last.outcome.result.outputFiles;
  assert.match(output?.path ?? '', new RegExp(`/${name}$`));
  const place = { result: last.outcome.result, digestFunction: 'sha256', path: output?.path ?? '' } as const;
  assert.deepEqual(await outputNode(blobs, place), root);
  assert.equal(executor.count, 2);
  await collect(opened);
  await rig.built(build);
  assert.equal(executor.count, 2);
});

test('failures are told as those of any builder', async () => {
  await using opened = open();
  const { rig } = opened;
  const { message } = await rig.failure({ name: 'failing', script: 'echo why; exit 3' });
  assert.match(message, /Reason: builder failed with exit code 3/);
  assert.match(message, /> why/);
  assert.equal((await rig.failure({ name: 'nothing', script: 'true' })).status, 'OutputRejected');
  assert.deepEqual(actionsIn(opened).length, 1);
});
