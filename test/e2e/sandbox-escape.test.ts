import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { byteStringFromText } from '../../src/base/index.ts';
import type { Node } from '../../src/castore/index.ts';
import { type Action, LocalExecutor, type Mount, type Sandbox, type UserIds } from '../../src/exec/index.ts';
import {
  MountRig,
  countProcesses,
  isRoot,
  mountObstacle,
  runAction,
  shellAction,
  shellSandbox,
  temporaryFolder,
  uniqueName,
  variables,
} from '../../src/testing/index.ts';
import { mountsOfSandboxes } from './mounts-of-sandboxes.ts';

type OverlayMount = Extract<Mount, { readonly kind: 'overlay' }>;

const executor = new LocalExecutor();
const folder = temporaryFolder();
after(async () => {
  await executor[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

before(async () => {
  // Without sandboxes there is nothing to get out of: that is a failure, which says what to enable.
  assert.equal(await executor.sandboxObstacle(), undefined);
});

const secret = join(folder.path, 'data', 'secret');
const readOnly = join(folder.path, 'read-only');
chmodSync(folder.path, 0o755);
for (const path of [join(folder.path, 'data'), readOnly]) mkdirSync(path);
writeFileSync(secret, 'secret');
writeFileSync(join(readOnly, 'file'), 'as it was', { mode: 0o444 });
// As a store's files are: whoever builds may read them, and, if we are no root, owns them.

/** An empty folder that everybody can write to. */
function makeWritable(): string {
  const path = mkdtempSync(join(folder.path, 'writable-'));
  chmodSync(path, 0o777);
  return path;
}

/** Where Node runs, with the libraries that it needs. What cannot be written to is at /read-only, as it is unless given. */
function nodeSandbox(
  changes: Partial<Sandbox>,
  shown: Mount = { kind: 'bind', from: readOnly, to: '/read-only', writable: false },
): Sandbox {
  const libraries = ['/lib', '/lib64', '/usr/lib', '/usr/lib64'].map((path): Mount => ({
    kind: 'bind',
    from: path,
    to: path,
    writable: false,
    optional: true,
  }));
  return shellSandbox({
    ...changes,
    mounts: [
      ...libraries,
      { kind: 'bind', from: realpathSync(process.execPath), to: '/bin/node', writable: false },
      {
        kind: 'bind',
        from: join(import.meta.dirname, 'escape-attempts.ts'),
        to: '/escape-attempts.ts',
        writable: false,
      },
      shown,
      ...(changes.mounts ?? []),
    ],
  });
}

const users: Readonly<Record<string, Partial<Sandbox>>> = {
  'as an ordinary user': {},
  'as its root': { user: { user: 0, group: 0 } },
  ...(isRoot ? { 'whose user is root outside': { outsideUser: undefined } } : {}),
};

describe('no attempt gets out of a sandbox', () => {
  for (const [name, changes] of Object.entries(users)) {
    for (const output of ['pipe', 'terminal'] as const) {
      test(`${name}, writing to a ${output}`, async () => attemptAll({ changes, output }));
    }
  }
});

describe('no attempt gets out of a sandbox of views', { skip: (await mountObstacle()) ?? false }, () => {
  for (const [name, changes] of Object.entries(users)) {
    test(name, async () => {
      await using scene = await ViewScene.open(changes);
      await attemptAll({ changes, output: 'pipe', scene });
      assert.deepEqual(readdirSync(scene.shown), ['file']);
      assert.equal(readFileSync(join(scene.shown, 'file'), 'utf8'), 'as it was');
      assert.deepEqual(scene.problems, []);
    });
  }
});

/** All that cannot be written to is a view, and what can be, the root too, lies over one. */
class ViewScene implements AsyncDisposable {
  readonly #rig: MountRig;
  /** Where that is which nobody may write to. */
  readonly shown: string;
  readonly root: OverlayMount;
  readonly writable: OverlayMount;

  static async open(changes: Partial<Sandbox>): Promise<ViewScene> {
    const rig = await MountRig.open();
    chmodSync(rig.folder, 0o755);
    const { outsideUser } = shellSandbox(changes);
    const user = outsideUser ?? { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
    return new ViewScene(rig, await rig.importTree(readOnly), user);
  }

  private constructor(rig: MountRig, tree: Node, user: UserIds) {
    this.#rig = rig;
    this.shown = rig.show(tree);
    const lower = rig.show(tree, 'lower', user);
    const over = (name: string, to: string): OverlayMount => {
      const [upper, work] = ['upper', 'work'].map(kind => join(rig.folder, `${name}-${kind}`));
      assert.ok(upper !== undefined && work !== undefined);
      for (const path of [upper, work]) {
        mkdirSync(path);
        chownSync(path, user.user, user.group);
      }
      return { kind: 'overlay', lower, upper, work, to };
    };
    this.root = over('root', '/');
    this.writable = over('writable', '/writable');
  }

  get problems(): readonly unknown[] {
    return this.#rig.problems;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig[Symbol.asyncDispose]();
  }
}

function parseResult(line: string): [string, string] {
  const [, name, result] = /^\["(.*)","(.*)"\]$/.exec(line) ?? [];
  assert.ok(name !== undefined && result !== undefined, line);
  return [name, result];
}

interface Attempted {
  readonly changes: Partial<Sandbox>;
  readonly output: Action['output'];
  readonly scene?: ViewScene;
}

/** What is no escape where the root can be written to: nobody else sees it. */
const harmlessOverRoot: ReadonlySet<string> = new Set(['write to the root', 'make the root writable']);

async function attemptAll({ changes, output, scene }: Attempted): Promise<void> {
  const listener = createServer().listen(0, '127.0.0.1');
  const abstract = `firn-${uniqueName()}`;
  const abstractListener = createServer().listen(`\0${abstract}`);
  const unixSocket = join(folder.path, 'data', `socket-${abstract.slice(-8)}`);
  const unixListener = createServer().listen(unixSocket);
  await Promise.all([listener, abstractListener, unixListener].map(server => once(server, 'listening')));
  const address = listener.address();
  assert.ok(typeof address === 'object' && address !== null);
  // What else there is: another sandbox, and a process in the host.
  const neighbour = uniqueName();
  const stop = new AbortController();
  const other = runAction(executor, shellAction(`: ${neighbour}; sleep 1000`, shellSandbox()), { signal: stop.signal });
  const writable = scene?.writable.upper ?? makeWritable();
  const asItWas = statSync(join(readOnly, 'file'));
  try {
    const { output: said, outcome } = await runAction(executor, {
      program: byteStringFromText('/bin/node'),
      argv: [
        byteStringFromText('node'),
        ...['--disable-warning=ExperimentalWarning', '/escape-attempts.ts'].map(byteStringFromText),
      ],
      environment: variables({
        readOnly: '/read-only',
        writable: '/writable',
        secret,
        port: String(address.port),
        abstract,
        unixSocket,
        hostPid: String(process.pid),
        sharedMemory: '0x4649524e',
      }),
      workingFolder: byteStringFromText('/'),
      limits: { time: 120_000 },
      output,
      place: scene === undefined ? usualPlace(changes, writable) : placeOf(scene, changes),
    });
    assert.equal(outcome.kind, 'exited', said);
    const results = said.trim().split('\n').map(parseResult);
    assert.ok(results.length >= 65, said);
    assert.deepEqual(
      results.filter(
        ([name, result]) => !result.startsWith('refused: ') && !(scene !== undefined && harmlessOverRoot.has(name)),
      ),
      [],
    );
  } finally {
    stop.abort();
    await assert.rejects(other);
    for (const server of [listener, abstractListener, unixListener]) server.close();
  }
  assert.equal(readFileSync(secret, 'utf8'), 'secret');
  assert.deepEqual(readdirSync(readOnly), ['file']);
  const now = statSync(join(readOnly, 'file'));
  assert.deepEqual([now.mode, now.mtimeMs, now.nlink, now.size], [asItWas.mode, asItWas.mtimeMs, 1, asItWas.size]);
  for (const name of readdirSync(writable)) {
    const { mode } = statSync(join(writable, name));
    assert.equal(mode & 0o6000, 0, name);
  }
}

function usualPlace(changes: Partial<Sandbox>, writable: string): Sandbox {
  return nodeSandbox({ ...changes, mounts: [{ kind: 'bind', from: writable, to: '/writable', writable: true }] });
}

function placeOf({ root, writable, shown }: ViewScene, changes: Partial<Sandbox>): Sandbox {
  const view: Mount = { kind: 'bind', from: shown, to: '/read-only', writable: false };
  const sandbox = nodeSandbox({ ...changes, mounts: [writable] }, view);
  return { ...sandbox, mounts: [root, ...sandbox.mounts] };
}

test('with the host’s network, its abstract sockets are still out of reach', async t => {
  const name = `firn-${uniqueName()}`;
  const server = createServer().listen(`\0${name}`);
  await once(server, 'listening');
  try {
    const script = `const s = require('node:net').createConnection({ path: '\\0${name}' }); s.on('connect', () => { console.log('connected'); s.destroy() }).on('error', e => console.log(e.code))`;
    const { output } = await runAction(executor, {
      ...shellAction('', nodeSandbox({ network: 'host' })),
      program: byteStringFromText('/bin/node'),
      argv: [byteStringFromText('node'), byteStringFromText('-e'), byteStringFromText(script)],
    });
    // Landlock knows abstract sockets since Linux 6.12, and a kernel may be without.
    if (output === 'connected\n') t.diagnostic('this kernel has no Landlock that scopes abstract sockets');
    else assert.equal(output, 'EPERM\n');
  } finally {
    server.close();
  }
});

test('what a builder starts ends with it, wherever it went', async () => {
  const name = uniqueName();
  const script = `
    (setsid sh -c 'sleep 1000; : ${name}' </dev/null >/dev/null 2>&1 &)
    (unshare -U -r setsid sh -c 'sleep 1000; : ${name}' </dev/null >/dev/null 2>&1 &)
    (trap '' TERM HUP INT; sleep 1000; : ${name}) &
    while [ "$(ps | grep -c '[s]leep')" -lt 3 ]; do :; done
    echo started`;
  const { output } = await runAction(executor, shellAction(script, shellSandbox()));
  assert.equal(output, 'started\n');
  assert.equal(countProcesses(name), 0);
});

test('a builder that kills all that it sees ends itself alone', async () => {
  const neighbour = runAction(executor, shellAction('sleep 1; echo fine', shellSandbox()));
  const { outcome } = await runAction(
    executor,
    shellAction('kill -KILL -1; kill -KILL 1; kill -KILL $PPID; kill -KILL 0; exit 5', shellSandbox()),
  );
  assert.equal(outcome.kind, 'exited');
  assert.equal((await neighbour).output, 'fine\n');
});

test('many failing actions leave nothing', async () => {
  const name = uniqueName();
  const mountsBefore = mountsOfSandboxes();
  let left = 500;
  const scripts = ['exit 1', 'kill -SEGV $$; exit 2', '(setsid sleep 1000 &); exit 3', 'mkfifo /tmp/f; exit 4', 'yes'];
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const script = `${scripts[left % scripts.length]}; : ${name}`;
      const limits = script.startsWith('yes') ? { output: 1000 } : {};
      const place = left % 10 === 0 ? ({ kind: 'host' } as const) : shellSandbox();
      const { outcome } = await runAction(executor, shellAction(script, place, { limits }));
      assert.notEqual(outcome.kind, 'not-executable');
    }
  };
  await Promise.all([one(), one(), one(), one()]);
  assert.equal(countProcesses(name), 0);
  assert.deepEqual(mountsOfSandboxes(), mountsBefore);
  assert.equal(existsSync('/tmp/f'), false);
});
