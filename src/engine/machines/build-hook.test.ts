import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { parseStoreDir, parseStorePath } from '../../nix-compat/index.ts';
import { freeSlots, recordReports, temporaryFolder } from '../../testing/index.ts';
import type { BuildJob } from '../build/derivation-builder.ts';
import { BuildHook } from './build-hook.ts';
import { HookElsewhere } from './hook-elsewhere.ts';

const storeDir = parseStoreDir('/nix/store');
const path = parseStorePath(byteStringFromText('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-x.drv'));
const input = parseStorePath(byteStringFromText('h1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-input'));
const signal = new AbortController().signal;

/** Reads the protocol by itself: `next` gives words and texts, and `say` answers. */
const prelude = `
const { readSync, writeSync } = require('node:fs');
function take(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const read = readSync(0, bytes, at, size - at);
    if (read === 0) process.exit(0);
    at += read;
  }
  return bytes;
}
const number = () => Number(take(8).readBigUInt64LE());
const text = () => { const size = number(); const value = take(size).toString(); take((8 - size % 8) % 8); return value; };
const texts = () => Array.from({ length: number() }, text);
const say = line => writeSync(2, line + '\\n');
const settings = {};
while (number() !== 0) { const name = text(); settings[name] = text(); }
const request = () => ({ word: text(), willing: number(), system: text(), path: text(), features: texts() });
`;

class HookRig implements Disposable {
  readonly #folder = temporaryFolder();
  readonly reports = recordReports();

  get progress() {
    return { reporter: this.reports.reporter, signal };
  }

  get told(): string {
    return this.at('told');
  }

  at(name: string): string {
    return join(this.#folder.path, name);
  }

  start(script: string): Promise<BuildHook> {
    const file = this.at('hook.cjs');
    writeFileSync(file, `${prelude}const told = ${JSON.stringify(this.told)};\n${script}`);
    return BuildHook.start({
      command: [process.execPath, file],
      variables: process.env,
      verbosity: 'info',
      settings: [
        ['cores', '3'],
        ['system', 'test'],
      ],
      storeDir,
    });
  }

  get said(): readonly string[] {
    return this.reports.reports.flatMap(report => (report.kind === 'log' ? report.text : []));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

const wants = { path, needs: { system: 'test', features: new Set(['kvm', 'big']) }, isWilling: true };

test('a hook is told of settings and requests, and takes one of them', async () => {
  using rig = new HookRig();
  await using hook = await rig.start(`
    const first = request();
    say('an odd remark');
    say('@nix {"action":"msg","level":1,"msg":"thinking"}');
    say('# decline');
    const second = request();
    say('# postpone');
    request();
    writeSync(2, '# accept\\nssh://far\\n');
    const build = { inputs: texts(), wanted: texts() };
    writeSync(4, 'from the builder\\n');
    say('@nix {"action":"start","id":1,"type":105,"level":3,"text":"building","fields":[],"parent":0}');
    say('@nix {"action":"result","id":1,"type":101,"fields":["a line"]}');
    require('node:fs').writeFileSync(told, JSON.stringify({ first, second, build, settings, verbosity: process.argv.at(-1) }));
  `);
  assert.deepEqual(await hook.ask(wants, rig.progress), { kind: 'decline' });
  assert.deepEqual(rig.said, ['an odd remark', 'thinking']);
  assert.deepEqual(await hook.ask({ ...wants, isWilling: false }, rig.progress), { kind: 'postpone' });
  assert.deepEqual(await hook.ask(wants, rig.progress), { kind: 'accept', machine: 'ssh://far' });
  let log = '';
  hook.passLogTo(chunk => (log += Buffer.from(chunk).toString()));
  assert.equal(await hook.run({ inputs: [input], wanted: [byteStringFromText('out')] }, rig.progress), undefined);
  assert.equal(log, 'from the builder\n');
  const asked = { word: 'try', system: 'test', path: `/nix/store/${path}`, features: ['big', 'kvm'] };
  const told: unknown = JSON.parse(readFileSync(rig.told, 'utf8'));
  assert.deepEqual(told, {
    first: { ...asked, willing: 1 },
    second: { ...asked, willing: 0 },
    build: { inputs: [`/nix/store/${input}`], wanted: ['out'] },
    settings: { cores: '3', system: 'test' },
    verbosity: '3',
  });
  const lines = rig.reports.reports.flatMap(report => (report.kind === 'result' ? report.result : []));
  assert.deepEqual(lines, [{ type: 'buildLogLine', line: 'a line' }]);
});

test('how a hook that fails has ended is told', async () => {
  using rig = new HookRig();
  await using hook = await rig.start(`request(); say('# accept'); say('m'); texts(); texts(); process.exit(7);`);
  assert.deepEqual(await hook.ask(wants, rig.progress), { kind: 'accept', machine: 'm' });
  assert.equal(await hook.run({ inputs: [], wanted: [] }, rig.progress), 'failed with exit code 7');
});

test('a hook that dies, answers nonsense or cannot be run', async () => {
  using rig = new HookRig();
  await using dead = await rig.start('process.exit(3)');
  assert.deepEqual(await dead.ask(wants, rig.progress), { kind: 'died' });
  assert.deepEqual(await dead.ask(wants, rig.progress), { kind: 'died' });
  assert.match(rig.said.join('\n'), /build hook died unexpectedly: it failed with exit code 3/);
  await using odd = await rig.start(`request(); say('# perhaps'); request();`);
  await assert.rejects(odd.ask(wants, rig.progress), { code: 'machine/bad-hook', message: "bad hook reply 'perhaps'" });
  const command = [rig.at('absent')] as const;
  const absent = BuildHook.start({ command, variables: {}, verbosity: 'info', settings: [], storeDir });
  await assert.rejects(absent, { code: 'machine/bad-hook' });
});

test('being called off ends a hook and what it has started', async () => {
  using rig = new HookRig();
  const script = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    request(); say('# accept'); say('m'); texts(); texts(); say('@nix {"action":"msg","level":0,"msg":"ready"}');
    child.on('exit', () => process.exit(0));`;
  await using hook = await rig.start(script);
  await hook.ask(wants, rig.progress);
  const stop = new AbortController();
  const ready = recordReports();
  const reporter = { ...ready.reporter, log: () => stop.abort(new Error('enough')) };
  await assert.rejects(hook.run({ inputs: [], wanted: [] }, { reporter, signal: stop.signal }), /enough/);
  await using asked = await rig.start('request(); setInterval(() => {}, 1000);');
  const late = asked.ask(wants, { ...rig.progress, signal: AbortSignal.timeout(1) });
  await assert.rejects(late, { name: 'TimeoutError' });
});

test('a hook is asked again that has put a build off, and not again that has declined for good', async () => {
  using rig = new HookRig();
  let starts = 0;
  const elsewhere = new HookElsewhere({
    storeDir,
    pollInterval: 1,
    start: () => {
      starts++;
      return rig.start(`
        request(); say('# postpone'); request(); say('# postpone');
        request(); say('# accept'); say('m'); texts(); texts();`);
    },
  });
  await using _elsewhere = elsewhere;
  const derivation = {
    name: byteStringFromText('x'),
    outputs: new Map(),
    inputSources: [],
    platform: byteStringFromText('test'),
    builder: byteStringFromText('/bin/sh'),
    args: [],
    env: new Map(),
  };
  const job: BuildJob = { path, derivation, mode: 'normal' };
  const request = { job, needs: { ...wants.needs, actionObstacle: undefined }, canBuildHere: false };
  const options = { ...rig.progress, slots: freeSlots, weight: 0 };
  const place = await elsewhere.choose(request, options);
  assert.ok(place.kind === 'elsewhere' && place.taker.uri === 'm');
  place.taker[Symbol.dispose]();
  const never = new HookElsewhere({
    storeDir,
    pollInterval: 1,
    start: () => {
      starts++;
      return rig.start(`request(); say('# decline-permanently');`);
    },
  });
  await using _never = never;
  assert.deepEqual(await never.choose(request, options), { kind: 'nowhere' });
  assert.equal(never.isEmpty, true);
  assert.deepEqual(await never.choose(request, options), { kind: 'nowhere' });
  assert.equal(starts, 2);
});
