import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { byteStringFromLatin1, byteStringFromText } from '../base/index.ts';
import { type Action, ExecError, type Executor, type HostPlace, type Mount, type Place } from '../exec/index.ts';
import { countProcesses, uniqueName } from './processes.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { findBusybox, isRoot, nobody, runAction, shellAction, shellSandbox, variables } from './test-actions.ts';

const host: HostPlace = { kind: 'host' };

/** The contract of `Executor`. */
export function executorSuite(name: string, open: () => Executor): void {
  describe(name, () => {
    const executor = open();
    after(() => executor[Symbol.asyncDispose]());
    for (const place of [host, shellSandbox()]) describe(`in the ${place.kind}`, () => placeSuite(executor, place));
    for (const place of [host, shellSandbox()]) disposalSuite(open, place);
    describe('of a sandbox alone', () => sandboxSuite(executor));
    describe('in the host alone', () => hostSuite(executor));
  });
}

function placeSuite(executor: Executor, place: Place): void {
  const run = async (script: string, changes: Partial<Action> = {}) => {
    return runAction(executor, shellAction(script, place, changes));
  };

  test('tells the status', async () => {
    const { outcome, output } = await run('echo out; echo err >&2; exit 3');
    assert.ok(outcome.kind === 'exited');
    assert.equal(outcome.status, 3);
    assert.equal(output, 'out\nerr\n');
  });

  test('tells a status that looks like a signal from a signal', async () => {
    const { outcome } = await run('exit 137');
    assert.ok(outcome.kind === 'exited' && outcome.status === 137);
    // The first process of a sandbox cannot be killed from within.
    const script = place.kind === 'host' ? 'kill -KILL $$' : "trap 'exit 9' TERM; kill -TERM $$; exit 1";
    const killed = (await run(script)).outcome;
    if (place.kind === 'host') assert.ok(killed.kind === 'killed' && killed.signal === 'SIGKILL');
    else assert.ok(killed.kind === 'exited' && killed.status === 9);
  });

  test('gives the program its name, its arguments and its environment, of any bytes, and nothing else', async () => {
    const { output } = await run('', {
      argv: ['env', '-0'].map(byteStringFromText) as unknown as Action['argv'],
      environment: new Map([
        ...variables({ EMPTY: '', LD_PRELOAD: '/none', PATH: '/some', PWD: '/elsewhere' }),
        [byteStringFromLatin1('B\xff'), byteStringFromLatin1('\xfe\n=')],
      ]),
    });
    assert.equal(output, 'EMPTY=\0LD_PRELOAD=/none\0PATH=/some\0PWD=/elsewhere\0B\xff=\xfe\n=\0');
    const named = await run('', {
      argv: [
        byteStringFromText('printf'),
        byteStringFromText('<%s>'),
        byteStringFromText(''),
        byteStringFromLatin1('\xff'),
      ],
    });
    assert.equal(named.output, '<><\xff>');
  });

  test('leaves out of the environment what is not in it', async () => {
    const { output } = await run('', { argv: [byteStringFromText('env')] });
    assert.equal(output, '');
  });

  test('opens nothing but the standard streams, of which the input is empty', async () => {
    const { output } = await run('ls /proc/self/fd; cat; readlink /proc/self/fd/0');
    // The fourth is the folder that is listed.
    assert.equal(output, '0\n1\n2\n3\n/dev/null\n');
  });

  test('lets programs open their output again', async () => {
    const { output } = await run('echo a >/dev/stdout; echo b >/proc/self/fd/2', {});
    assert.equal(output, 'a\nb\n');
  });

  test('gives a terminal that changes nothing and is nobody’s controlling terminal', async () => {
    const script =
      'printf "a\\n\\tb\\r\\n"; test -t 1 && test -t 2 && echo terminal; (echo x >/dev/tty) 2>/dev/null || echo none';
    const { output, outcome } = await run(script, { output: 'terminal' });
    assert.equal(output, 'a\n\tb\r\nterminal\nnone\n');
    assert.equal(outcome.kind, 'exited');
  });

  test('keeps standard output and standard error apart, if asked for', async () => {
    const written = { stdout: '', stderr: '' };
    const script = 'echo out; echo err >&2; readlink /proc/self/fd/2 >/dev/null; printf more; echo again >/dev/stderr';
    const outcome = await executor.run(shellAction(script, place, { output: 'two pipes' }), {
      output: (chunk, stream) => (written[stream] += Buffer.from(chunk).toString()),
    });
    assert.ok(outcome.kind === 'exited' && outcome.status === 0);
    assert.deepEqual(written, { stdout: 'out\nmore', stderr: 'err\nagain\n' });
    let bytes = 0;
    const limited = await executor.run(
      shellAction('printf 12345; sleep 0.01; yes >&2', place, { output: 'two pipes', limits: { output: 10 } }),
      { output: chunk => (bytes += chunk.byteLength) },
    );
    assert.ok(limited.kind === 'limit-reached' && limited.limit === 'output');
    assert.equal(bytes, 10);
  });

  test('delivers much output whole', async () => {
    for (const output of ['pipe', 'terminal'] as const) {
      const ran = await run(
        'i=0; while [ $i -lt 3000 ]; do echo "line $i of many, which is long enough"; i=$((i+1)); done',
        { output },
      );
      const lines = ran.output.split('\n');
      assert.equal(lines.length, 3001);
      assert.equal(lines[2999], 'line 2999 of many, which is long enough');
    }
  });

  test('runs in its working folder, with its umask, in a session of its own, without core dumps', async () => {
    const { output } = await run('pwd; umask; ulimit -c; ulimit -s; cut -d" " -f6 /proc/self/stat; echo $$', {
      workingFolder: byteStringFromText('/tmp'),
      umask: 0o027,
    });
    const [folder, umask, core, stack, session, itself] = output.split('\n');
    assert.deepEqual([folder, umask, core, stack], ['/tmp', '0027', '0', '8192']);
    assert.equal(session, itself);
  });

  test('says why a program could not be executed', async () => {
    const missing = await runAction(executor, shellAction('', place, { program: byteStringFromText('/none') }));
    assert.deepEqual(missing.outcome, { kind: 'not-executable', errno: 'ENOENT', reason: 'No such file or directory' });
    const folder = await runAction(executor, shellAction('', place, { program: byteStringFromText('/bin') }));
    assert.deepEqual(folder.outcome, { kind: 'not-executable', errno: 'EACCES', reason: 'Permission denied' });
  });

  test('ends what reaches a limit', async () => {
    const cases = [
      { limits: { time: 100 }, script: 'sleep 1000', limit: 'time', output: '' },
      { limits: { silence: 100 }, script: 'echo once; sleep 1000', limit: 'silence', output: 'once\n' },
      { limits: { output: 10 }, script: 'yes', limit: 'output', output: 'y\ny\ny\ny\ny\n' },
    ] as const;
    for (const { limits, script, limit, output } of cases) {
      const ran = await run(script, { limits });
      assert.ok(ran.outcome.kind === 'limit-reached');
      assert.equal(ran.outcome.limit, limit);
      assert.equal(ran.output, output);
    }
  });

  test('lets output of exactly the limit pass', async () => {
    const { outcome, output } = await run('printf 1234567890', {
      limits: { output: 10, silence: 60_000, time: 60_000 },
    });
    assert.equal(outcome.kind, 'exited');
    assert.equal(output, '1234567890');
  });

  test('ends when aborted: at once where SIGTERM is not handled, else when it is', async () => {
    for (const script of [
      'echo ready; sleep 1000',
      "trap 'echo handled; exit' TERM; echo ready; while :; do sleep 0.01; done",
    ]) {
      const abort = new AbortController();
      const reason = new Error('enough');
      let output = '';
      const running = runAction(executor, shellAction(script, place), {
        signal: abort.signal,
        output: chunk => {
          output += Buffer.from(chunk).toString();
          if (output.startsWith('ready\n')) abort.abort(reason);
        },
      });
      await assert.rejects(running, reason);
      if (script.includes('handled')) assert.match(output, /^handled$/m);
    }
    await assert.rejects(
      runAction(executor, shellAction('', place), { signal: AbortSignal.abort(new Error('before')) }),
      /before/,
    );
  });

  test('leaves no process behind', async () => {
    const name = uniqueName();
    const daemon = `(setsid sh -c 'echo forked; sleep 1000; : ${name}' </dev/null &)`;
    const script = `${daemon}; sh -c 'sleep 1000; : ${name}' & read line </proc/self/fd/0; exit 0`;
    for (const changes of [{}, { limits: { silence: 100 } }]) {
      await runAction(executor, shellAction(`${script}; : ${name}`, place, changes));
      assert.equal(countProcesses(name), 0);
    }
  });

  test('runs many at a time', async () => {
    const runs = Array.from({ length: 20 }, (_, at) =>
      runAction(executor, shellAction(`echo ${at}; exit ${at}`, place)),
    );
    for (const [at, { outcome, output }] of (await Promise.all(runs)).entries()) {
      assert.ok(outcome.kind === 'exited' && outcome.status === at);
      assert.equal(output, `${at}\n`);
    }
  });
}

function disposalSuite(open: () => Executor, place: Place): void {
  test(`ends what still runs in the ${place.kind} when it is disposed of`, async () => {
    const executor = open();
    const name = uniqueName();
    const started = Promise.withResolvers<void>();
    const running = runAction(executor, shellAction(`echo ready; sleep 1000; : ${name}`, place), {
      output: () => started.resolve(),
    });
    const outcome = assert.rejects(running, ExecError);
    await started.promise;
    assert.ok(countProcesses(name) > 0);
    await executor[Symbol.asyncDispose]();
    await outcome;
    assert.equal(countProcesses(name), 0);
  });
}

function hostSuite(executor: Executor): void {
  test(
    'runs as another user, without other groups, and leaves none of its processes',
    { skip: isRoot ? false : 'needs root' },
    async () => {
      const user = { user: 64_001, group: 64_002 };
      const name = uniqueName();
      const script = `id -u; id -g; id -G; echo x >/dev/stdout; (setsid sh -c 'sleep 1000; : ${name}' </dev/null >/dev/null 2>&1 &); echo end`;
      const { output } = await runAction(executor, shellAction(script, { kind: 'host', user }));
      assert.equal(output, '64001\n64002\n64002\nx\nend\n');
      assert.equal(countProcesses(name), 0);
    },
  );

  test('is there again when an action killed what started it', async () => {
    const name = uniqueName();
    await assert.rejects(runAction(executor, shellAction(`kill -KILL $PPID; sleep 1000; : ${name}`, host)), {
      code: 'exec/no-process',
    });
    assert.equal(countProcesses(name), 0);
    const { output } = await runAction(executor, shellAction('echo again', host));
    assert.equal(output, 'again\n');
  });
}

function sandboxSuite(executor: Executor): void {
  const run = async (script: string, mounts: readonly Mount[], changes: Partial<Action> = {}) => {
    return runAction(executor, shellAction(script, shellSandbox({ mounts }), changes));
  };

  test('can be made here', async () => {
    assert.equal(await executor.sandboxObstacle(), undefined);
  });

  test('shows what its mounts name, and nothing else', async () => {
    using folder = temporaryFolder();
    chmodSync(folder.path, 0o755);
    const writable = join(folder.path, 'writable');
    mkdirSync(writable);
    if (isRoot) chownSync(writable, nobody.user, nobody.group);
    writeFileSync(join(folder.path, 'file'), 'contents\n');
    const script = `
      ls -a /; ls /in; cat /in/file /etc/motd; stat -c %a /etc/motd /empty /wide; ls /empty /optional
      readlink /link; echo new >/out/new; touch /wide/x /in/x /etc/motd /out/new /new`;
    const { output } = await run(script, [
      { kind: 'bind', from: folder.path, to: '/in', writable: false },
      { kind: 'bind', from: writable, to: '/out', writable: true },
      { kind: 'bind', from: join(folder.path, 'none'), to: '/optional', writable: false, optional: true },
      { kind: 'file', to: '/etc/motd', contents: Buffer.from('hello\n'), mode: 0o444 },
      { kind: 'folder', to: '/empty', mode: 0o711 },
      { kind: 'tmpfs', to: '/wide', mode: 0o1777, size: 1 << 20 },
      { kind: 'symlink', to: '/link', target: 'some/where' },
    ]);
    const root = ['.', '..', 'bin', 'dev', 'empty', 'etc', 'in', 'link', 'out', 'proc', 'tmp', 'wide'];
    const refused = ['/in/x', '/etc/motd', '/new'].map(path => `touch: ${path}: Read-only file system`);
    assert.deepEqual(output.trimEnd().split('\n'), [
      ...root,
      'file',
      'writable',
      'contents',
      'hello',
      '444',
      '711',
      '1777',
      'ls: /optional: No such file or directory',
      '/empty:',
      'some/where',
      ...refused,
    ]);
    assert.equal(readFileSync(join(writable, 'new'), 'utf8'), 'new\n');
    assert.equal(statSync(join(writable, 'new')).uid, isRoot ? nobody.user : process.getuid?.());
  });

  test('has the names that it was given', async () => {
    const { output } = await run('hostname; id -u; id -g; id -G; echo $$; ip -o link | cut -d" " -f2', []);
    assert.equal(output, 'test\n1000\n100\n100\n1\nlo:\n');
  });

  test('names what it could not show', async () => {
    await assert.rejects(run('', [{ kind: 'bind', from: '/none/such', to: '/x', writable: false }]), {
      code: 'exec/bad-mount',
      message: /'\/none\/such'.*: No such file or directory$/,
    });
  });

  test('does without /proc', async () => {
    const sandbox = shellSandbox();
    const place: Place = {
      ...sandbox,
      mounts: sandbox.mounts.filter(({ kind }) => kind === 'bind' || kind === 'symlink'),
    };
    const { output, outcome } = await runAction(executor, shellAction('echo still $0; exit 4', place));
    assert.equal(output, 'still sh\n');
    assert.ok(outcome.kind === 'exited' && outcome.status === 4);
  });

  test('is a 32-bit machine to programs that ask, if asked for', async () => {
    const { output } = await runAction(
      executor,
      shellAction('uname -m', shellSandbox({ personality: { linux32: true } })),
    );
    assert.match(output, process.arch === 'x64' ? /^i[36]86\n$/ : /^armv/);
  });

  test('runs on a Linux 2.6 to programs that ask, if asked for, at addresses that are fixed', async () => {
    const place = shellSandbox({ personality: { linux26: true } });
    const { output } = await runAction(executor, shellAction('uname -r; cat /proc/self/personality', place));
    assert.match(output, /^2\.6\.[0-9]+\S*\n00060000\n$/);
  });

  test('has no groups of ours, or is refused if asked for', async () => {
    const place = shellSandbox({ requiresNoGroups: true });
    const action = shellAction('grep ^Groups: /proc/self/status', place);
    if (process.geteuid?.() !== 0) return assert.rejects(runAction(executor, action), { code: 'exec/keeps-groups' });
    for (const outsideUser of [place.outsideUser, undefined]) {
      const { output } = await runAction(executor, { ...action, place: { ...place, outsideUser } });
      assert.match(output, /^Groups:\s*$/);
    }
  });

  test('has many ids, and is root in it, if asked for', { skip: isRoot ? false : 'needs root' }, async () => {
    const place = shellSandbox({
      idCount: 1000,
      user: { user: 0, group: 0 },
      outsideUser: { user: 3_000_000, group: 3_000_000 },
      mounts: [{ kind: 'sysfs', to: '/sys' }],
    });
    const script = [
      'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map',
      'echo > /tmp/x; chown 7:8 /tmp/x; stat -c %u:%g /tmp/x; chown 1000 /tmp/x 2>&1',
      'mkdir /new && ls -d /new; mount -t tmpfs none /new && echo mounted; ls /sys/class/net',
    ].join('; ');
    const { output, outcome } = await runAction(executor, shellAction(script, place));
    const map = /^ +0 +3000000 +1000\n/gm;
    assert.equal(output.match(map)?.length, 2, output);
    assert.match(output, /^0\n0\n/);
    assert.match(output.replaceAll(map, ''), /^0\n0\n7:8\nchown: \/tmp\/x: Invalid argument\n\/new\nmounted\nlo\n$/);
    assert.ok(outcome.kind === 'exited' && outcome.status === 0);
  });

  test('shows thousands of files', async () => {
    const busybox = findBusybox();
    const mounts = Array.from({ length: 2500 }, (_, at): Mount => ({
      kind: 'bind',
      from: busybox,
      to: `/many/${at}`,
      writable: false,
    }));
    const { output } = await run('ls /many | wc -l', mounts);
    assert.equal(output.trim(), '2500');
  });

  test('tells what its processes used', async () => {
    const { outcome } = await run('i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done', []);
    assert.ok(outcome.kind === 'exited' && (outcome.cpuUser ?? 0n) + (outcome.cpuSystem ?? 0n) > 0n);
    assert.ok(outcome.kind === 'exited' && (outcome.peakMemory ?? 0n) > 100_000n);
  });
}
