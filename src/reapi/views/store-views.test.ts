import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type TreeSink, byteStringFromText } from '../../base/index.ts';
import { formatDigest, walkTreeToEnd } from '../../castore/index.ts';
import type { NodeSource } from '../../fuse/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import { type StorePath, parseStorePath, printStorePath } from '../../nix-compat/index.ts';
import { LazyPaths, LocalStore, Substituters, addToStore } from '../../store/index.ts';
import { ActionRig, findBusybox, mountObstacle, openLocalStoreIn, temporaryFolder } from '../../testing/index.ts';
import type { StoreViews } from '../execution/store-views.ts';
import { CheckedOutViews, type ViewSettings } from './checked-out-views.ts';
import { MountedViews } from './mounted-views.ts';

const executor = new LocalExecutor();
after(() => executor[Symbol.asyncDispose]());

interface ViewRigParts {
  readonly store: LocalStore;
  readonly upstream: LocalStore;
  readonly views: StoreViews & Partial<AsyncDisposable>;
}

type Kind = 'checked out' | 'mounted';

const fuseObstacle = await mountObstacle();

/** A store with a tool that refers to a library, a root file system, and what is none of these. */
class ViewRig implements AsyncDisposable {
  readonly #folder: ReturnType<typeof temporaryFolder>;
  readonly #owned = new AsyncDisposableStack();
  readonly store: LocalStore;
  readonly upstream: LocalStore;
  readonly actions: ActionRig;

  static async open(kind: Kind, settings: Partial<ViewSettings> = {}): Promise<ViewRig> {
    const folder = temporaryFolder();
    chmodSync(folder.path, 0o755);
    const store = openLocalStoreIn(folder.path);
    const upstream = new LocalStore({
      dataFolder: join(folder.path, 'upstream'),
      storeDir: store.storeDir,
      realStoreDir: join(folder.path, 'upstream/real'),
      isTrusted: true,
    });
    const substituters = () => new Substituters([upstream], { storeDir: store.storeDir, trust: store });
    const all = { allowsWhole: false, ...settings };
    if (kind === 'checked out')
      return new ViewRig(folder, { store, upstream, views: new CheckedOutViews(store, substituters, all) });
    const mountPoint = join(folder.path, 'views');
    mkdirSync(mountPoint);
    const lazyPaths = new LazyPaths(store, { substituters });
    const source: NodeSource = {
      fetchBlob: (digest, options) => lazyPaths.fetchBlob(digest, options),
      resolveName: (_view, name, options) => lazyPaths.rootOf(parseStorePath(name), options),
      listNames: async () => store.paths.roots().map(([path, node]) => ({ name: byteStringFromText(path), node })),
      reportProblem: problem => assert.fail(problem.message),
    };
    const views = await MountedViews.open({ store, substituters, settings: all, lazyPaths, source, mountPoint });
    return new ViewRig(folder, { store, upstream, views });
  }

  private constructor(folder: ReturnType<typeof temporaryFolder>, parts: ViewRigParts) {
    const { store, upstream, views } = parts;
    this.#folder = folder;
    this.store = this.#owned.use(store);
    this.upstream = this.#owned.use(upstream);
    if (views instanceof MountedViews) this.#owned.use(views);
    this.actions = this.#owned.use(new ActionRig(executor, 'sha256', { views }, store.blobs));
  }

  /** Adds what `make` puts into a folder. */
  async add(
    name: string,
    make: (folder: string) => void,
    { references = [], to = this.store }: { references?: readonly StorePath[]; to?: LocalStore } = {},
  ): Promise<StorePath> {
    const source = join(this.#folder.path, 'sources', name);
    mkdirSync(source, { recursive: true });
    make(source);
    const write = async (sink: TreeSink) => walkTreeToEnd(source, sink);
    return (await addToStore(to, write, { name, references: { others: references, self: false } })).path;
  }

  async addTool(): Promise<{ readonly tool: string; readonly library: string }> {
    const library = await this.add('library', folder => writeFileSync(join(folder, 'message'), 'of the library\n'));
    const printed = this.print(library);
    const tool = await this.add(
      'tool',
      folder => {
        mkdirSync(join(folder, 'bin'));
        writeFileSync(join(folder, 'bin/busybox'), readFileSync(findBusybox()), { mode: 0o755 });
        for (const name of ['sh', 'cat', 'ls', 'touch', 'mkdir', 'rm', 'echo'])
          symlinkSync('busybox', join(folder, 'bin', name));
        symlinkSync(`${printed}/message`, join(folder, 'message'));
      },
      { references: [library] },
    );
    return { tool: this.print(tool), library: printed };
  }

  print(path: StorePath): string {
    return printStorePath(this.store.storeDir, path);
  }

  /** Runs busybox's shell of `tool`. */
  run(script: string, tool: string, properties: Record<string, string>, tree = {}) {
    return this.actions.run('', {
      tree,
      arguments: ['sh', '-c', script],
      environmentVariables: [{ name: 'PATH', value: `${tool}/bin` }],
      action: { platform: { properties: Object.entries(properties).map(([name, value]) => ({ name, value })) } },
    });
  }

  async text(script: string, tool: string, properties: Record<string, string>, tree = {}): Promise<string> {
    const executed = await this.run(script, tool, properties, tree);
    assert.ok(executed.kind === 'ended', executed.kind === 'failed' ? executed.error.message : '');
    const { stdoutDigest, stderrDigest, exitCode } = executed.result;
    const all = (await this.actions.read(stdoutDigest)) + (await this.actions.read(stderrDigest));
    return exitCode === 0 ? all : `${exitCode}: ${all}`;
  }

  async [Symbol.asyncDispose]() {
    await this.#owned[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

for (const kind of ['checked out', 'mounted'] as const) {
  const skip = kind === 'mounted' && (fuseObstacle ?? false);
  describe(`views, ${kind}`, { skip }, () => viewSuite(kind));
}

function viewSuite(kind: Kind): void {
  describe('an action that names a closure', () => {
    test('sees it, and of the store and the host nothing else', async () => {
      await using rig = await ViewRig.open(kind);
      const { tool, library } = await rig.addTool();
      await rig.add('other', folder => writeFileSync(join(folder, 'x'), ''));
      const { storeDir } = rig.store;
      const script = `cat ${tool}/message; ls ${storeDir}; ls /; touch ${tool}/x`;
      const names = [tool, library].map(path => path.slice(storeDir.length + 1)).toSorted();
      const said = await rig.text(`${script}; true`, tool, { 'nix-closure': tool });
      const top = storeDir.split('/')[1] ?? '';
      const folders = ['build', 'dev', 'etc', 'proc', 'tmp', 'var', top];
      const lines = ['of the library', ...names, ...[...new Set(folders)].toSorted()];
      assert.deepEqual(said.split('\n').slice(0, lines.length), lines);
      assert.match(said, /touch: .*x: Read-only file system\n$/);
    });

    test('sees what symlinks of its input root lead to', async () => {
      await using rig = await ViewRig.open(kind);
      const { tool, library } = await rig.addTool();
      const tree = { a: { link: `-> ${library}/message` } };
      assert.equal(await rig.text('cat a/link', tool, { 'nix-closure': tool }, tree), 'of the library\n');
      const other = await rig.add('other', folder => writeFileSync(join(folder, 'x'), 'of another\n'));
      const links = { a: { b: { link: `-> ${rig.print(other)}/x`, dead: `-> ${rig.store.storeDir}/none` } } };
      assert.equal(await rig.text('cat a/b/link', tool, { 'nix-closure': tool }, links), 'of another\n');
    });

    test('gets what another store has, and is refused what nobody has', async () => {
      await using rig = await ViewRig.open(kind);
      const { tool } = await rig.addTool();
      const farAway = await rig.add('far', folder => writeFileSync(join(folder, 'x'), 'far away\n'), {
        to: rig.upstream,
      });
      const far = rig.print(farAway);
      assert.equal(await rig.text(`cat ${far}/x`, tool, { 'nix-closure': `${tool} ${far}` }), 'far away\n');
      const root = await rig.upstream.rootOf(farAway);
      assert.ok(root.kind === 'directory');
      const pinned = `${tool}\n${far}#${formatDigest(root.digest)}`;
      assert.equal(await rig.text(`cat ${far}/x`, tool, { 'nix-closure': pinned }), 'far away\n');
      const absent = tool.replace(/[^/]*$/, `${'0'.repeat(32)}-absent`);
      const refused = async (closure: string, code: string, message: RegExp) =>
        assert.rejects(rig.run('true', tool, { 'nix-closure': closure }), { code, message });
      await refused(absent, 'closure/unknown', /no store path for '.*0-absent'/);
      await refused(`${tool}^out`, 'closure/unknown', /tool\^out/);
      await refused('/etc/passwd', 'action/malformed', /'\/etc\/passwd' names nothing of the store/);
      await refused('all', 'closure/refused', /not allowed here/);
      await refused(`${tool}#${'0'.repeat(64)}/1`, 'closure/other', /and not the 0{64}\/1/);
      await refused(`${tool}#x`, 'action/malformed', /HASH\/SIZE/);
    });

    test('sees an empty store where it names none, and all of it where that is allowed', async () => {
      await using rig = await ViewRig.open(kind, { allowsWhole: true });
      const { tool } = await rig.addTool();
      const root = await rig.add('root', folder => {
        mkdirSync(join(folder, 'bin'));
        writeFileSync(join(folder, 'bin/busybox'), readFileSync(findBusybox()), { mode: 0o755 });
        symlinkSync('busybox', join(folder, 'bin/ls'));
        symlinkSync('busybox', join(folder, 'bin/sh'));
      });
      const { storeDir } = rig.store;
      assert.equal(await rig.text(`/bin/ls ${storeDir}`, '', { 'nix-rootfs': rig.print(root) }), '');
      const all = await rig.text(`ls ${storeDir}`, tool, { 'nix-closure': 'all' });
      assert.deepEqual(all.trimEnd().split('\n').length, 3);
    });
  });

  describe('an action that names a root file system', () => {
    test('may write in its own copy', async () => {
      await using rig = await ViewRig.open(kind);
      const root = await rig.add('root', folder => {
        for (const name of ['bin', 'etc', 'opt']) mkdirSync(join(folder, name));
        writeFileSync(join(folder, 'bin/busybox'), readFileSync(findBusybox()), { mode: 0o755 });
        for (const name of ['sh', 'cat', 'ls', 'touch']) symlinkSync('busybox', join(folder, 'bin', name));
        writeFileSync(join(folder, 'etc/motd'), 'welcome\n');
      });
      const named = { 'nix-rootfs': rig.print(root) };
      const said = await rig.text('cat /etc/motd; touch /opt/new /etc/other && ls /opt; ls /usr', '', named);
      assert.match(said, /^1: welcome\nnew\nls: \/usr: No such file/);
      assert.equal(await rig.text('/bin/ls /opt', '', named), '');
    });
  });

  describe('an action that names what it may write in', () => {
    test('writes there for itself alone', async () => {
      await using rig = await ViewRig.open(kind);
      const { tool } = await rig.addTool();
      const named = { 'nix-closure': tool, 'nix-writable': tool };
      const script = `mkdir ${tool}/libexec && touch ${tool}/libexec/x && rm ${tool}/message && ls ${tool}`;
      assert.equal(await rig.text(script, tool, named), 'bin\nlibexec\n');
      assert.equal(await rig.text(`ls ${tool}`, tool, named), 'bin\nmessage\n');
    });
  });
}
