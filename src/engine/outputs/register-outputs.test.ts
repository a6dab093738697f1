import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ByteString, byteStringFromText, bytesOf, magenta, normal } from '../../base/index.ts';
import { removeTree } from '../../castore/index.ts';
import {
  type OutputName,
  SecretKey,
  type Signature,
  type StorePath,
  fingerprintPathInfo,
  fingerprintRealisation,
  hashBytes,
  isContentAddressed,
  parseStoreDir,
  printStorePath,
  storePathHashPart,
  storePathName,
  verifySignature,
} from '../../nix-compat/index.ts';
import {
  type TestBuild,
  addTestPath,
  finishTestBuild,
  floating,
  listTestStore,
  openLocalStoreIn,
  temporaryFolder,
  testPath,
} from '../../testing/index.ts';
import { LocalStore } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import { type RegisterOutputsOptions, registerOutputs } from './register-outputs.ts';

const out = byteStringFromText('out');

/** A store, and a folder for what builders leave. */
async function openRig() {
  const folder = temporaryFolder();
  const store = openLocalStoreIn(folder.path);
  const build = join(folder.path, 'build');
  mkdirSync(build);
  return {
    store,
    folder: folder.path,
    build,
    at: (...names: string[]) => join(build, ...names),
    register: (of: TestBuild, options: Partial<RegisterOutputsOptions> = {}) =>
      registerOutputs(store, finishTestBuild(build, of), {
        signal: new AbortController().signal,
        realisations: false,
        ...options,
      }),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

type Rig = Awaited<ReturnType<typeof openRig>>;

/** The message, with emphasis shown as `<…>`. */
async function rejectionOf(work: Promise<unknown>): Promise<{ status: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { status: error.status, message: error.message.replaceAll(magenta, '<').replaceAll(normal, '>') };
  }
  throw new assert.AssertionError({ message: 'the outputs were not rejected' });
}

function pathOf(built: ReadonlyMap<OutputName, { readonly path: StorePath }>, output: OutputName = out): StorePath {
  const path = built.get(output)?.path;
  assert.ok(path !== undefined);
  return path;
}

async function assertSound(store: LocalStore): Promise<void> {
  assert.equal(await store.upkeep.verify({ checkContents: true }), false);
}

/** NAR hash of what C++ Nix would see at `path`. */
function infoOf(store: LocalStore, path: StorePath) {
  return store.paths.require(path).info;
}

describe('input-addressed outputs', () => {
  test('become valid with what they refer to', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    const [used, unused] = [await addTestPath(store, 'used'), await addTestPath(store, 'unused')];
    const [own, dev] = [testPath('test-out'), testPath('test-dev')];
    mkdirSync(at('out', 'bin'), { recursive: true });
    writeFileSync(at('out', 'bin', 'run'), `#!${used}/bin/sh\n${own}`, { mode: 0o4751 });
    symlinkSync(`../${dev}`, at('out', 'link'));
    writeFileSync(at('dev'), 'headers');
    const built = await rig.register({ outputs: { out: {}, dev: {} }, inputs: [used, unused] });
    assert.deepEqual([...built.keys()], ['dev', 'out']);
    assert.equal(pathOf(built), own);
    const info = infoOf(store, own);
    assert.deepEqual(info.references, [used, own, dev].toSorted());
    assert.equal(info.deriver, testPath('test.drv'));
    assert.equal(info.ultimate, true);
    assert.equal(info.contentAddress, undefined);
    const run = lstatSync(join(store.realPath(own), 'bin', 'run'));
    assert.equal(run.mode & 0o7777, 0o555);
    assert.equal(run.mtimeMs, 1000);
    assert.equal(readlinkSync(join(store.realPath(own), 'link')), `../${dev}`);
    assert.equal(readFileSync(store.realPath(dev), 'utf8'), 'headers');
    await assertSound(store);
  });

  test('are found where they belong as well', async () => {
    await using rig = await openRig();
    const path = testPath('test-out');
    const at = rig.store.realPath(path);
    mkdirSync(at, { mode: 0o755 });
    writeFileSync(join(at, 'file'), 'contents');
    const finished = finishTestBuild(rig.store.realStoreDir, { outputs: { out: {} } });
    const outputs = new Map(Array.from(finished.outputs, ([name, left]) => [name, { ...left, at }]));
    const options = { signal: new AbortController().signal, realisations: false };
    await registerOutputs(rig.store, { ...finished, outputs }, options);
    assert.equal(lstatSync(at).mode & 0o777, 0o555);
    await assertSound(rig.store);
  });

  test('are rewritten where the builder knew them by other names', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    const [scratch, scratchDev] = [testPath('scratch'), testPath('scratch-dev')];
    // Across the border of what is read at a time.
    const before = 'x'.repeat(1024 * 1024 - 40);
    writeFileSync(at('out'), `${before}${scratch} ${scratchDev}`);
    writeFileSync(at('dev'), `of ${scratchDev}`);
    const built = await rig.register({ outputs: { out: { scratch }, dev: { scratch: scratchDev } } });
    const [path, dev] = [pathOf(built), pathOf(built, byteStringFromText('dev'))];
    const part = (of: StorePath, name: string) => `${storePathHashPart(of)}-${name}`;
    const expected = `${before}${part(path, 'scratch')} ${part(dev, 'scratch-dev')}`;
    assert.equal(readFileSync(store.realPath(path), 'utf8'), expected);
    assert.deepEqual(infoOf(store, path).references, [path, dev].toSorted());
    await assertSound(store);
  });

  test('that are valid already stay, and what the builder left of them is dropped', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    writeFileSync(at('dev'), 'first');
    writeFileSync(at('out'), 'first');
    const first = await rig.register({ outputs: { dev: {} } });
    const valid = pathOf(first, byteStringFromText('dev'));
    const scratch = testPath('scratch-dev');
    writeFileSync(at('dev'), 'second');
    writeFileSync(at('out'), `needs ${scratch}`);
    const built = await rig.register({ outputs: { out: {}, dev: { scratch, valid } } });
    assert.equal(readFileSync(store.realPath(valid), 'utf8'), 'first');
    assert.deepEqual(infoOf(store, pathOf(built)).references, [valid]);
    assert.equal(pathOf(built, byteStringFromText('dev')), valid);
  });

  test('have no references where these are to be discarded', async () => {
    await using rig = await openRig();
    const used = await addTestPath(rig.store, 'used');
    writeFileSync(rig.at('out'), used);
    const unsafeDiscardReferences = new Map([[out, true]]);
    const built = await rig.register({
      outputs: { out: {} },
      inputs: [used],
      options: { unsafeDiscardReferences },
    });
    assert.deepEqual(infoOf(rig.store, pathOf(built)).references, []);
  });
});

describe('what a builder leaves that is no output', () => {
  /** The store is as it was afterwards. */
  async function refused(leave: (rig: Rig) => void | Promise<unknown>, build: TestBuild = { outputs: { out: {} } }) {
    await using rig = await openRig();
    const input = await addTestPath(rig.store, 'input');
    await leave(rig);
    const rejected = await rejectionOf(rig.register({ inputs: [input], ...build }));
    assert.deepEqual(rig.store.paths.all(), [input]);
    assert.deepEqual(listTestStore(rig.folder), [input]);
    await assertSound(rig.store);
    const shown = (path: StorePath) => printStorePath(rig.store.storeDir, path);
    return { ...rejected, at: rig.at, shown };
  }

  test('nothing', async () => {
    const { status, message, at, shown } = await refused(() => {});
    assert.equal(status, 'OutputRejected');
    assert.equal(
      message,
      `builder for '<${shown(testPath('test.drv'))}>' failed to produce output path for output '<out>' at <"${at('out')}">`,
    );
  });

  test('what others may write', async () => {
    const { message, at } = await refused(rig => {
      mkdirSync(rig.at('out'));
      chmodSync(rig.at('out'), 0o775);
    });
    assert.equal(
      message,
      `suspicious ownership or permission on <"${at('out')}"> for output '<out>'; rejecting this build output`,
    );
  });

  test('a FIFO', async () => {
    const { status, message, at } = await refused(rig => {
      mkdirSync(rig.at('out'));
      execFileSync('mkfifo', [rig.at('out', 'fifo')]);
    });
    assert.equal(status, 'OutputRejected');
    assert.equal(message, `file <"${at('out', 'fifo')}"> has an unsupported type`);
  });

  test('a socket', async () => {
    const server = createServer();
    try {
      const { message, at } = await refused(rig => {
        const { promise, resolve } = Promise.withResolvers<void>();
        server.listen(rig.at('out'), resolve);
        return promise.then(() => chmodSync(rig.at('out'), 0o755));
      });
      assert.equal(message, `file <"${at('out')}"> has an unsupported type`);
    } finally {
      server.close();
    }
  });

  test('outputs that refer to each other', async () => {
    const paths = ['a', 'b', 'c'].map(name => testPath(`test-${name}`));
    const { message, shown } = await refused(
      rig => {
        writeFileSync(rig.at('a'), `${paths[0]} ${paths[1]}`);
        writeFileSync(rig.at('b'), `${paths[2]}`);
        writeFileSync(rig.at('c'), `${paths[1]}`);
      },
      { outputs: { a: {}, b: {}, c: {} } },
    );
    assert.equal(
      message,
      `cycle detected in build of '<${shown(testPath('test.drv'))}>' in the references of output '<b>' from output '<c>'`,
    );
  });

  test('directories nested without end', async () => {
    const { status } = await refused(rig => {
      mkdirSync(rig.at('out', ...Array.from({ length: 70 }, () => 'd')), { recursive: true });
    });
    assert.equal(status, 'OutputRejected');
  });

  test('a second output after a first that is good', async () => {
    const { message } = await refused(rig => writeFileSync(rig.at('dev'), 'good'), { outputs: { dev: {}, out: {} } });
    assert.match(message, /failed to produce output path for output '<out>'/);
  });

  test('what belongs to nobody who runs builders', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    await using rig = await openRig();
    mkdirSync(rig.at('out'));
    writeFileSync(rig.at('out', 'file'), 'of root');
    execFileSync('chown', ['30001', rig.at('out')]);
    const users = { first: 30001, last: 30001 };
    const { message } = await rejectionOf(rig.register({ outputs: { out: {} } }, { users }));
    assert.equal(message, `invalid ownership on file <"${rig.at('out', 'file')}">`);
    execFileSync('chown', ['30002', rig.at('out')]);
    const other = await rejectionOf(rig.register({ outputs: { out: {} } }, { users }));
    assert.match(other.message, /^suspicious ownership or permission on /);
    execFileSync('chown', ['-R', '30001', rig.at('out')]);
    symlinkSync('nowhere', rig.at('out', 'link'));
    const link = await rejectionOf(rig.register({ outputs: { out: {} } }, { users }));
    assert.equal(link.message, `invalid ownership on file <"${rig.at('out', 'link')}">`);
  });
});

describe('the store has nothing of the builder’s', () => {
  test('no file that it can write to', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    const input = await addTestPath(store, 'input');
    const outside = join(rig.folder, 'outside');
    writeFileSync(outside, 'outside'.repeat(10_000), { mode: 0o640 });
    mkdirSync(at('out'));
    linkSync(outside, at('out', 'outside'));
    linkSync(join(store.realPath(input), 'large'), at('out', 'stored'));
    writeFileSync(at('out', 'one'), 'x'.repeat(20_000));
    linkSync(at('out', 'one'), at('out', 'two'));
    const before = lstatSync(join(store.realPath(input), 'large'));
    const path = pathOf(await rig.register({ outputs: { out: {} }, inputs: [input] }));
    const real = store.realPath(path);
    assert.equal(lstatSync(outside).mode & 0o7777, 0o640);
    assert.notEqual(lstatSync(join(real, 'outside')).ino, lstatSync(outside).ino);
    assert.equal(lstatSync(join(store.realPath(input), 'large')).ino, before.ino);
    writeFileSync(outside, 'changed');
    writeFileSync(at('out', 'one'), 'changed');
    assert.equal(readFileSync(join(real, 'one'), 'utf8'), 'x'.repeat(20_000));
    assert.equal(readFileSync(join(real, 'outside'), 'utf8'), 'outside'.repeat(10_000));
    await assertSound(store);
  });

  test('neither modes nor times nor unreadable files', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    mkdirSync(at('out', 'closed'), { recursive: true });
    writeFileSync(at('out', 'closed', 'run'), 'run', { mode: 0o700 });
    writeFileSync(at('out', 'secret'), 'secret');
    utimesSync(at('out', 'secret'), 5, 5);
    chmodSync(at('out', 'secret'), 0);
    chmodSync(at('out', 'closed', 'run'), 0o6311);
    chmodSync(at('out', 'closed'), 0o300);
    chmodSync(at('out'), 0o500);
    const real = store.realPath(pathOf(await rig.register({ outputs: { out: {} } })));
    const modes = ['.', 'closed', 'closed/run', 'secret'].map(name => {
      const stats = lstatSync(join(real, name));
      assert.equal(stats.mtimeMs, 1000, name);
      return stats.mode & 0o7777;
    });
    assert.deepEqual(modes, [0o555, 0o555, 0o555, 0o444]);
    removeTree(at('out'));
  });

  test('names of any bytes', async () => {
    await using rig = await openRig();
    mkdirSync(rig.at('out'));
    const odd = Buffer.concat([Buffer.from(rig.at('out')), Buffer.from([0x2f, 0xff, 0x0a, 0x22, 0xc3])]);
    writeFileSync(odd, 'odd');
    writeFileSync(rig.at('out', 'a b\n~nix~case~hack~1'), 'hack');
    const real = rig.store.realPath(pathOf(await rig.register({ outputs: { out: {} } })));
    const names = readdirSync(real, { encoding: 'buffer' }).map(name => name.toString('latin1'));
    assert.deepEqual(names.toSorted(), ['\xff\n"\xc3', 'a b\n~nix~case~hack~1'].toSorted());
    await assertSound(rig.store);
  });
});

describe('content-addressed outputs', () => {
  const scratch = testPath('scratch');

  test('a floating one gets the path of its contents, and its own name in it', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    for (const text of ['plain', `self ${scratch}`]) {
      writeFileSync(at('out'), text);
      const path = pathOf(await rig.register({ outputs: { out: { output: floating(), scratch } } }));
      const info = infoOf(store, path);
      assert.equal(storePathName(path), 'test');
      assert.ok(isContentAddressed(store.storeDir, info));
      assert.deepEqual(info.references, text === 'plain' ? [] : [path]);
      const expected = text.replace(storePathHashPart(scratch), storePathHashPart(path));
      assert.equal(readFileSync(store.realPath(path), 'utf8'), expected);
    }
    await assertSound(store);
  });

  test('one refers to the path that another turned out to be', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    const lib = testPath('scratch-lib');
    writeFileSync(at('out'), `uses ${lib}, is ${scratch}`);
    writeFileSync(at('lib'), `is ${lib}`);
    const outputs = { out: { output: floating(), scratch }, lib: { output: floating(), scratch: lib } };
    const built = await rig.register({ outputs }, { realisations: true });
    const [path, other] = [pathOf(built), pathOf(built, byteStringFromText('lib'))];
    assert.deepEqual(infoOf(store, path).references, [path, other].toSorted());
    assert.equal(
      readFileSync(store.realPath(path), 'utf8'),
      `uses ${storePathHashPart(other)}-scratch-lib, is ${storePathHashPart(path)}-scratch`,
    );
    const derivationHash = hashBytes('sha256', Buffer.from('test'));
    assert.equal(store.realisations.find({ derivationHash, output: out })?.path, path);
    // The same contents under other names of the builder's are the same.
    const again = testPath('scratch-again');
    writeFileSync(at('out'), `uses ${lib}, is ${again}`);
    const rebuilt = await rig.register({ outputs: { ...outputs, out: { output: floating(), scratch: again } } });
    assert.notEqual(pathOf(rebuilt), undefined);
    await assertSound(store);
  });

  for (const method of ['nar', 'flat', 'text', 'git'] as const) {
    for (const algorithm of ['sha256', 'sha1', 'sha512', 'md5', 'blake3'] as const) {
      test(`${method} with ${algorithm}`, async () => {
        await using rig = await openRig();
        const used = await addTestPath(rig.store, 'used');
        writeFileSync(rig.at('out'), method === 'text' ? used : 'contents');
        const output = floating({ method, algorithm });
        const work = rig.register({ outputs: { out: { output, scratch } }, inputs: [used] });
        const isRefused =
          (method === 'git' && !['sha1', 'sha256'].includes(algorithm)) ||
          (method === 'text' && algorithm !== 'sha256');
        if (isRefused) return assert.equal((await rejectionOf(work)).status, 'OutputRejected');
        const info = infoOf(rig.store, pathOf(await work));
        assert.ok(isContentAddressed(rig.store.storeDir, info));
        assert.deepEqual(info.references, method === 'text' ? [used] : []);
        await assertSound(rig.store);
      });
    }
  }

  test('what is not one plain file cannot be hashed as one', async () => {
    await using rig = await openRig();
    const build = { outputs: { out: { output: floating({ method: 'flat' }), scratch } } };
    mkdirSync(rig.at('out'));
    const folder = await rejectionOf(rig.register(build));
    assert.equal(
      folder.message,
      `output path <"${rig.at('out')}"> should be a non-executable regular file since recursive hashing is not enabled (one of outputHashMode={flat,text} is true)`,
    );
    removeTree(rig.at('out'));
    writeFileSync(rig.at('out'), '', { mode: 0o755 });
    assert.match((await rejectionOf(rig.register(build))).message, /should be a non-executable regular file/);
  });

  test('a flat one cannot refer to anything', async () => {
    await using rig = await openRig();
    writeFileSync(rig.at('out'), scratch);
    const { status, message } = await rejectionOf(
      rig.register({ outputs: { out: { output: floating({ method: 'flat' }), scratch } } }),
    );
    assert.equal(status, 'OutputRejected');
    assert.match(message, /^fixed output derivation 'test' is not allowed to refer to other store paths/);
    assert.deepEqual(rig.store.paths.all(), []);
  });

  test('a fixed one with another hash becomes valid under its own path, and the build fails', async () => {
    await using rig = await openRig();
    writeFileSync(rig.at('out'), 'hi\n');
    const hash = hashBytes('sha256', Buffer.from('other'));
    const output = { kind: 'fixed', address: { method: 'flat', hash } } as const;
    const { status, message } = await rejectionOf(rig.register({ outputs: { out: { output, scratch } } }));
    assert.equal(status, 'HashMismatch');
    const shown = printStorePath(rig.store.storeDir, testPath('test.drv'));
    assert.equal(
      message,
      `hash mismatch in fixed-output derivation '<${shown}>':\n` +
        `  specified: <sha256-2SmKENGwc1g33EvYXaxkGw887yekfl1TpU8vP1svz/o=>\n` +
        `     got:    <sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+Q=>`,
    );
    const [path] = rig.store.paths.all();
    assert.ok(path !== undefined);
    assert.equal(readFileSync(rig.store.realPath(path), 'utf8'), 'hi\n');
    await assertSound(rig.store);
  });

  test('one that was valid before is known to be built here', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    writeFileSync(at('out'), 'contents');
    const build = { outputs: { out: { output: floating(), scratch } } };
    const path = pathOf(await rig.register(build));
    const valid = store.paths.require(path);
    store.paths.register([{ ...valid, info: { ...valid.info, ultimate: false } }]);
    assert.equal(pathOf(await rig.register(build)), path);
    assert.equal(infoOf(store, path).ultimate, true);
  });

  test('and all others are signed by the store’s secret keys', async () => {
    using folder = temporaryFolder();
    const storeDir = parseStoreDir(join(folder.path, 'store'));
    const key = SecretKey.generate('test-1');
    const options = { dataFolder: join(folder.path, 'data'), storeDir, realStoreDir: storeDir, secretKeys: [key] };
    await using store = new LocalStore(options);
    writeFileSync(join(folder.path, 'out'), 'signed');
    const finished = finishTestBuild(folder.path, { outputs: { out: { output: floating(), scratch } } });
    const built = await registerOutputs(store, finished, { signal: new AbortController().signal, realisations: true });
    const info = infoOf(store, pathOf(built));
    const keys = new Map([[key.name, key.publicKey]]);
    const isSigned = (text: ByteString, signatures: readonly Signature[]) =>
      signatures.length === 1 && signatures.every(each => verifySignature(keys, bytesOf(text), each));
    assert.ok(isSigned(fingerprintPathInfo(storeDir, info), info.signatures));
    const id = { derivationHash: hashBytes('sha256', Buffer.from('test')), output: out };
    const realised = store.realisations.find(id);
    assert.ok(realised !== undefined);
    assert.ok(isSigned(fingerprintRealisation({ id, ...realised }), realised.signatures));
    assert.deepEqual(built.get(out)?.signatures, realised.signatures);
  });

  test('an impure one has no realisation', async () => {
    await using rig = await openRig();
    writeFileSync(rig.at('out'), 'now');
    const output = { kind: 'impure', method: 'nar', algorithm: 'sha256' } as const;
    await rig.register({ outputs: { out: { output, scratch } } }, { realisations: true });
    const derivationHash = hashBytes('sha256', Buffer.from('test'));
    assert.equal(rig.store.realisations.find({ derivationHash, output: out }), undefined);
  });
});

describe('building again', () => {
  test('to check compares', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    const scratch = testPath('scratch');
    const path = testPath('test-out');
    mkdirSync(at('out'));
    writeFileSync(at('out', 'file'), `first ${path}`);
    await rig.register({ outputs: { out: {} } });
    const check: TestBuild = { outputs: { out: { scratch, valid: path } }, mode: 'check' };
    const shown = printStorePath(store.storeDir, testPath('test.drv'));
    const real = store.realPath(path);
    writeFileSync(at('out', 'file'), `first ${storePathHashPart(scratch)}-test-out`);
    assert.deepEqual(await rig.register(check), new Map());
    writeFileSync(at('out', 'file'), `second ${storePathHashPart(scratch)}`);
    const { status, message } = await rejectionOf(rig.register(check));
    assert.equal(status, 'NotDeterministic');
    assert.equal(message, `derivation '<${shown}>' may not be deterministic: output <"${real}"> differs`);
    const told: unknown[] = [];
    const kept = await rejectionOf(
      rig.register(check, {
        differs: async difference => {
          told.push(difference, readFileSync(join(difference.built, 'file'), 'utf8'));
        },
      }),
    );
    assert.equal(
      kept.message,
      `derivation '<${shown}>' may not be deterministic: output <"${real}"> differs from <"${real}.check">`,
    );
    assert.deepEqual(told, [{ valid: real, built: `${real}.check` }, `second ${storePathHashPart(path)}`]);
    assert.equal(lstatSync(join(`${real}.check`, 'file')).mode & 0o777, 0o444);
    assert.equal(readFileSync(join(real, 'file'), 'utf8'), `first ${path}`);
  });

  test('with the same result makes it trusted', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    writeFileSync(at('out'), 'same');
    const path = pathOf(await rig.register({ outputs: { out: {} } }));
    const valid = store.paths.require(path);
    store.paths.register([{ ...valid, info: { ...valid.info, ultimate: false } }]);
    await rig.register({ outputs: { out: { valid: path } }, mode: 'check' });
    assert.equal(infoOf(store, path).ultimate, true);
  });

  test('to repair replaces', async () => {
    await using rig = await openRig();
    const { store, at } = rig;
    writeFileSync(at('out'), 'first');
    const path = pathOf(await rig.register({ outputs: { out: {} } }));
    removeTree(store.realPath(path));
    writeFileSync(at('out'), 'second');
    await rig.register({ outputs: { out: { valid: path } }, mode: 'repair' });
    assert.ok(!existsSync(store.realPath(path)));
    await rig.register({ outputs: { out: {} }, mode: 'repair' });
    assert.equal(readFileSync(store.realPath(path), 'utf8'), 'second');
    await assertSound(store);
  });
});
