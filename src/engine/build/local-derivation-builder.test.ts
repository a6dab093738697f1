import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { brandAs, byteStringOf, displayBytes } from '../../base/index.ts';
import {
  type DerivationOutput,
  type StorePath,
  hashBytes,
  isBuildSuccess,
  printStorePath,
} from '../../nix-compat/index.ts';
import { BuildRig, addTestPath, listTestStore, recordReports } from '../../testing/index.ts';

const fixed = (text: string): DerivationOutput => ({
  kind: 'fixed',
  address: { method: 'flat', hash: hashBytes('sha256', Buffer.from(text)) },
});
const floating: DerivationOutput = { kind: 'floating', method: 'nar', algorithm: 'sha256' };

const read = (path: string | undefined) => readFileSync(path ?? '', 'utf8');

/** What builds leave besides valid paths. */
function leftovers(rig: BuildRig): string[] {
  const builds = existsSync(rig.buildsFolder) ? readdirSync(rig.buildsFolder) : [];
  const store = listTestStore(rig.folder.path).filter(
    name => rig.store.paths.find(brandAs<StorePath>(name)) === undefined,
  );
  return [...builds, ...store];
}

test('a builder gets what the manual says, and no more', async () => {
  await using rig = new BuildRig();
  const { out } = await rig.built({ script: 'pwd > $out' });
  assert.match(read(out), /\/nix-[0-9]+-[0-9]+\n$/);
  const names = await rig.built({ name: 'names', script: 'export -p > $out', env: { Foo: 'bar baz', empty: '' } });
  const variables = new Map(
    read(names['out'])
      .split('\n')
      .flatMap(line => {
        const match = /^export (?<name>\w+)='(?<value>.*)'$/.exec(line);
        return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
      }),
  );
  const folder = variables.get('PWD') ?? '';
  assert.ok(folder.startsWith(`${rig.buildsFolder}/nix-${process.pid}-`));
  const own = ['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP'];
  for (const name of own) assert.equal(variables.get(name), folder, name);
  const rest = Object.fromEntries(
    [...variables].filter(([name]) => !own.includes(name) && name !== 'PWD' && name !== 'OLDPWD'),
  );
  assert.deepEqual(rest, {
    Foo: 'bar baz',
    HOME: '/homeless-shelter',
    NIX_BUILD_CORES: '3',
    NIX_LOG_FD: '2',
    NIX_STORE: rig.store.storeDir,
    PATH: '/path-not-set',
    TERM: 'xterm-256color',
    empty: '',
    out: names['out'],
  });
  assert.deepEqual(leftovers(rig), []);
});

test('placeholders are replaced in arguments, variables and files', async () => {
  await using rig = new BuildRig();
  const { out, dev } = await rig.built({
    outputs: { out: floating, dev: floating },
    script: 'read text < $textPath || :; echo "$file $text $1" > $out; echo > $dev',
    env: { text: 'of a file', passAsFile: 'text', file: 'direct' },
  });
  assert.equal(read(out), 'direct of a file \n');
  assert.notEqual(out, dev);
  assert.deepEqual(leftovers(rig), []);
});

test('structured attributes come as files', async () => {
  await using rig = new BuildRig();
  const { out, dev } = await rig.built({
    structuredAttrs: '{"list":["a b","c"],"number":3}',
    outputs: { out: undefined, dev: undefined },
    env: { gone: 'not in the environment' },
    // A shell without arrays: what declares one is shown, not run.
    script: `copy() { while IFS= read -r line || [ -n "$line" ]; do echo "$line"; done < "$1"; }
      outputs() { copy "$NIX_ATTRS_JSON_FILE" | { read -r json; json=\${json#*\\"$1\\":\\"}; echo "\${json%%\\"*}"; }; }
      copy "$NIX_ATTRS_SH_FILE" > "$(outputs out)"; echo "$gone" > "$(outputs dev)"`,
  });
  assert.equal(
    read(out),
    `declare -a list=('a b' 'c' )\ndeclare number=3\ndeclare -A outputs=(['dev']='${dev}' ['out']='${out}' )\n`,
  );
  assert.equal(read(dev), '\n');
});

test('what is built is built once; what is valid stays', async () => {
  await using rig = new BuildRig();
  const first = await rig.build({});
  const second = await rig.build({});
  assert.deepEqual([first.outcome.status, second.outcome.status], ['Built', 'AlreadyValid']);
  assert.ok(first.startTime > 0 && first.stopTime >= first.startTime && first.timesBuilt === 1);
  assert.ok(isBuildSuccess(first.outcome) && isBuildSuccess(second.outcome));
  assert.deepEqual([...second.outcome.builtOutputs.keys()], ['out']);
});

test('of two derivations with the same output one waits for the other', async () => {
  const { reporter, reports } = recordReports();
  await using rig = new BuildRig({ reporter });
  const outputs = { out: fixed('same') };
  const script = 'while [ ! -e $go ]; do :; done; printf same > $out';
  const go = join(rig.folder.path, 'go');
  const isWaiting = () => reports.some(report => report.kind === 'start' && report.type === 'buildWaiting');
  const builds = ['one', 'two'].map(own => rig.build({ name: 'same', outputs, script, env: { own, go } }));
  while (!isWaiting()) await new Promise(resolve => setImmediate(resolve));
  writeFileSync(go, '');
  const statuses = (await Promise.all(builds)).map(({ outcome }) => outcome.status);
  assert.deepEqual(statuses.toSorted(), ['AlreadyValid', 'Built']);
});

test('a failure shows the end of the log, and leaves nothing but the log', async () => {
  await using rig = new BuildRig({ settings: { logLines: 2 } });
  const { path } = await rig.add({ script: 'echo one; echo two >&2; echo three; echo x > $out; exit 3' });
  const failure = await rig.failure({ script: 'echo one; echo two >&2; echo three; echo x > $out; exit 3' });
  const printed = printStorePath(rig.store.storeDir, path);
  assert.equal(failure.status, 'PermanentFailure');
  assert.match(
    failure.message,
    new RegExp(
      `^Cannot build '${printed}'.\\nReason: builder failed with exit code 3.\\nOutput paths:\\n  .*-test\\nLast 2 log lines:\\n> two\\n> three\\nFor full logs, run:\\n  nix log ${printed}$`,
    ),
  );
  const log = await rig.store.buildLog(path);
  assert.equal(log === undefined ? undefined : displayBytes(byteStringOf(log)), 'one\ntwo\nthree\n');
  assert.deepEqual(leftovers(rig), []);
});

test('where the user has seen the log, a failure does not show it again', async () => {
  await using rig = new BuildRig({ showsLogs: true });
  const { message } = await rig.failure({ script: 'echo one; kill -9 $$' });
  assert.match(message, /Reason: builder failed due to signal 9 \(Killed\)\.\nOutput paths:\n {2}.*-test$/);
});

test('a builder that is not there is named, and the inputs that do not have it', async () => {
  await using rig = new BuildRig();
  const input = await addTestPath(rig.store, 'input');
  const { status, message } = await rig.failure({ builder: '/no/such/program', inputs: [input] });
  assert.equal(status, 'PermanentFailure');
  assert.match(message, /builder failed with exit code 1/);
  assert.match(message, /> error: executing '\/no\/such\/program': No such file or directory\n/);
  assert.ok(
    message.endsWith(`note: the inputs of the derivation are:\n  ${printStorePath(rig.store.storeDir, input)}`),
  );
});

test('fixed outputs: failures may be transient, variables come from outside', async () => {
  const settings = { impureEnv: new Map([['other', 'set']]) };
  await using rig = new BuildRig({ settings, variables: { http_proxy: 'here', other: 'not this' } });
  const env = { impureEnvVars: 'http_proxy other none' };
  const outputs = { out: fixed('here set [] 1') };
  const { out } = await rig.built({
    outputs,
    env,
    script: 'printf %s "$http_proxy $other [$none] $NIX_OUTPUT_CHECKED" > $out',
  });
  assert.equal(read(out), 'here set [] 1');
  assert.equal((await rig.failure({ outputs: { out: fixed('x') }, script: 'exit 1' })).status, 'TransientFailure');
  const wrong = await rig.failure({ outputs: { out: fixed('y') }, script: 'echo z > $out' });
  assert.equal(wrong.status, 'HashMismatch');
  assert.deepEqual(leftovers(rig), []);
});

test('a check builds beside what is valid and compares', async () => {
  await using rig = new BuildRig();
  const state = join(rig.folder.path, 'state');
  writeFileSync(state, 'one\n');
  const derivation = { script: 'read x < $state; echo "$x $out" > $out', env: { state } };
  const { out } = await rig.built(derivation);
  assert.equal(read(out), `one ${out}\n`);
  await rig.built(derivation, 'check');
  writeFileSync(state, 'two\n');
  const failure = await rig.failure(derivation, { mode: 'check' });
  assert.equal(failure.status, 'NotDeterministic');
  assert.equal(failure.nonDeterministic, true);
  assert.equal(read(out), `one ${out}\n`);
  assert.deepEqual(leftovers(rig), []);
});

test('the diff hook sees both builds', async () => {
  await using hooks = new BuildRig();
  const hook = join(hooks.folder.path, 'hook');
  const seen = join(hooks.folder.path, 'seen');
  writeFileSync(hook, `#!/bin/sh\nread a < "$1"; read b < "$2"; echo "$a $b $3"\n`, { mode: 0o755 });
  const { reporter, reports } = recordReports();
  await using rig = new BuildRig({ settings: { diffHook: hook }, reporter });
  writeFileSync(seen, 'one\n');
  const derivation = { script: 'read x < $state; echo "$x" > $out', env: { state: seen } };
  await rig.built(derivation);
  writeFileSync(seen, 'two\n');
  const { message } = await rig.failure(derivation, { mode: 'check' });
  assert.match(message, /may not be deterministic: output ".*" differs from ".*\.check"/);
  const logged = reports.flatMap(report => (report.kind === 'log' && report.level === 'error' ? [report.text] : []));
  assert.match(logged.join('\n'), /^one two .*-test\.drv$/);
});

test('--repair builds anew what is not as it was', async () => {
  await using rig = new BuildRig();
  const { out } = await rig.built({ script: 'echo good > $out' });
  chmodSync(out ?? '', 0o644);
  writeFileSync(out ?? '', 'bad\n');
  await rig.built({ script: 'echo good > $out' }, 'repair');
  assert.equal(read(out), 'good\n');
  assert.deepEqual(leftovers(rig), []);
});

test('the folder of a failed build stays if it is to be kept', async () => {
  const { reporter, reports } = recordReports();
  await using rig = new BuildRig({ settings: { keepsFailed: true }, reporter });
  await rig.failure({ script: 'echo x > file; exit 1' });
  const [folder = ''] = readdirSync(rig.buildsFolder);
  assert.equal(read(join(rig.buildsFolder, folder, 'file')), 'x\n');
  assert.equal(statSync(join(rig.buildsFolder, folder)).mode & 0o777, 0o755);
  const note = `note: keeping build directory "${join(rig.buildsFolder, folder)}"`;
  assert.ok(reports.some(report => report.kind === 'log' && report.text === note));
});

test('limits end a build', async () => {
  await using rig = new BuildRig({ settings: { maxLogSize: 100 } });
  const { status, message } = await rig.failure({ script: 'while :; do echo xxxxxxxxxxxxxxxxx; done' });
  assert.equal(status, 'LogLimitExceeded');
  assert.match(message, /^building derivation '.*-test.drv' killed after writing more than 100 bytes of log output$/);
  assert.deepEqual(leftovers(rig), []);
});

test('a builder that closes its output is ended', async () => {
  await using rig = new BuildRig();
  const { message } = await rig.failure({ script: 'exec > /dev/null 2>&1; while :; do :; done' });
  assert.match(message, /builder failed due to signal 9 \(Killed\)/);
});

test('what a builder starts ends with it', async () => {
  await using rig = new BuildRig();
  const { out } = await rig.built({ script: '(while :; do :; done) > /dev/null 2>&1 & echo $! > $out' });
  assert.throws(() => process.kill(Number(read(out)), 0), { code: 'ESRCH' });
});

test('outputs of other kinds than the store has are refused', async () => {
  await using rig = new BuildRig();
  const derivation = { script: '/usr/bin/mkfifo $out' };
  const { status, message } = await rig.failure(derivation);
  assert.equal(status, 'OutputRejected');
  assert.match(message, /has an unsupported type/);
  const missing = await rig.failure({ name: 'missing', script: ':' });
  assert.equal(missing.status, 'OutputRejected');
  assert.match(missing.message, /failed to produce output path for output 'out' at/);
  assert.deepEqual(leftovers(rig), []);
});

test('folders that nobody may enter are removed all the same', async () => {
  await using rig = new BuildRig();
  await rig.failure({ script: '/bin/mkdir -p a/b $out/c; /bin/chmod 0 a/b a $out/c $out .; exit 1' });
  assert.deepEqual(leftovers(rig), []);
});

test('the post-build hook gets the outputs', async () => {
  const { reporter, reports } = recordReports();
  await using hooks = new BuildRig();
  const hook = join(hooks.folder.path, 'hook');
  writeFileSync(hook, '#!/bin/sh\necho "$DRV_PATH|$OUT_PATHS|$NIX_CONFIG|$own"\n', { mode: 0o755 });
  await using rig = new BuildRig({ settings: { postBuildHook: hook }, reporter, variables: { own: 'mine' } });
  const { out, dev } = await rig.built({
    outputs: { out: undefined, dev: undefined },
    script: 'echo > $out; echo > $dev',
  });
  const lines = reports.flatMap(report =>
    report.kind === 'result' && report.result.type === 'postBuildLogLine' ? [displayBytes(report.result.line)] : [],
  );
  const { path } = await rig.add({ outputs: { out: undefined, dev: undefined }, script: 'echo > $out; echo > $dev' });
  const sorted = [out ?? '', dev ?? ''].toSorted((a, b) => (a < b ? -1 : 1)).join(' ');
  assert.deepEqual(lines, [`${printStorePath(rig.store.storeDir, path)}|${sorted}|cores = 3`, '|mine']);
});

test('an abort ends the builder and leaves nothing', async () => {
  const abort = new AbortController();
  const { reporter, reports } = recordReports();
  await using rig = new BuildRig({
    reporter: {
      ...reporter,
      shows: level => reporter.shows(level),
      log: (level, message) => reporter.log(level, message),
      startActivity: start => reporter.startActivity(start),
      suspend: () => reporter.suspend(),
      warn: message => reporter.warn(message),
      logError: error => reporter.logError(error),
    },
  });
  const building = rig.build({ script: 'echo started; echo > $out; while :; do :; done' }, { signal: abort.signal });
  while (!reports.some(report => report.kind === 'result' && report.result.type === 'buildLogLine')) {
    await new Promise(resolve => setImmediate(resolve));
  }
  abort.abort(new Error('enough'));
  await assert.rejects(building, { message: 'enough' });
  assert.deepEqual(leftovers(rig), []);
});

test('machines that lack something refuse', async () => {
  await using rig = new BuildRig({ settings: { system: 'other' } });
  const job = await rig.add({ env: { requiredSystemFeatures: 'kvm apples' } });
  const colours = /\u001b\[[0-9;]*m/g;
  assert.equal(
    rig.builder.rejection(job)?.replaceAll(colours, ''),
    `Cannot build '${printStorePath(rig.store.storeDir, job.path)}'.\n` +
      "Reason: platform mismatch\nRequired system: 'test-system'\nCurrent system: 'other'\n" +
      'Reason: missing system features\nRequired features: {apples, kvm}\nAvailable features: {big-parallel, ca-derivations}',
  );
});

test('an external builder builds for its systems', async () => {
  await using other = new BuildRig();
  const program = join(other.folder.path, 'program');
  writeFileSync(
    program,
    `#!/bin/sh
[ "$1" = one ] || exit 9
echo setting up; printf '\\2\\nbegun\\n'
read -r json < "$2" || :
out=\${json#*\\"out\\":\\"}; out=\${out%%\\"*}
echo "$json" > "$out"
`,
    { mode: 0o755 },
  );
  const { reporter, reports } = recordReports();
  const externalBuilders = [{ systems: ['test-system'], program, args: ['one'] }];
  await using rig = new BuildRig({ settings: { system: 'other', externalBuilders }, reporter });
  const { out } = await rig.built({ script: 'never run' });
  const description: unknown = JSON.parse(read(out));
  assert.ok(typeof description === 'object' && description !== null);
  const names = 'args builder env inputPaths outputs realStoreDir storeDir system tmpDir tmpDirInSandbox topTmpDir';
  assert.deepEqual(Object.keys(description), `${names} version`.split(' '));
  const lines = reports.flatMap(report =>
    report.kind === 'result' && report.result.type === 'buildLogLine' ? [displayBytes(report.result.line)] : [],
  );
  assert.deepEqual(lines, ['begun']);
  writeFileSync(program, '#!/bin/sh\necho no; exit 4\n');
  const { message } = await rig.failure({ name: 'other' });
  assert.match(message, /was initialized \(failed with exit code 4, previous messages: no\)$/);
  assert.deepEqual(leftovers(rig), []);
});
