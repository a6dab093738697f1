import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type ForeignDigest, foreignDigestOf } from '../../castore/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import { ActionRig, encodeWire } from '../../testing/index.ts';

const executor = new LocalExecutor();
after(() => executor[Symbol.asyncDispose]());

/** Fields of `Directory`. */
const [files, directories, symlinks] = [1, 2, 3];

const digestField = ({ hash, size }: ForeignDigest) =>
  encodeWire([
    [1, Buffer.from(hash)],
    [2, size],
  ]);

const named = (name: string, digest: ForeignDigest) =>
  encodeWire([
    [1, Buffer.from(name)],
    [2, digestField(digest)],
  ]);

const linkTo = (name: string, target: string) =>
  encodeWire([
    [1, Buffer.from(name)],
    [2, Buffer.from(target)],
  ]);

describe('input roots', () => {
  test('with names that no file has, or that come twice, are refused', async () => {
    await using rig = new ActionRig(executor);
    const file = await rig.upload(Buffer.from('x'));
    const none = await rig.upload(new Uint8Array(0));
    const bad: [what: string, message: Uint8Array][] = [
      ...['..', '.', '', '/', '/etc', 'a/b', 'a\0b'].flatMap((name): [string, Uint8Array][] => [
        [`a file '${name}'`, encodeWire([[files, named(name, file)]])],
        [`a directory '${name}'`, encodeWire([[directories, named(name, none)]])],
        [`a symlink '${name}'`, encodeWire([[symlinks, linkTo(name, 'x')]])],
      ]),
      [
        'two files of one name',
        encodeWire([
          [files, named('a', file)],
          [files, named('a', file)],
        ]),
      ],
      [
        'a file and a directory of one name',
        encodeWire([
          [files, named('a', file)],
          [directories, named('a', none)],
        ]),
      ],
      ['a symlink to nothing', encodeWire([[symlinks, linkTo('a', '')]])],
      ['a file without a digest', encodeWire([[files, encodeWire([[1, Buffer.from('a')]])]])],
      ['no message', Buffer.from('\u0007\u0007')],
    ];
    for (const [what, message] of bad) {
      const root = await rig.upload(message);
      await assert.rejects(rig.run('true', { root }), { code: 'action/malformed' }, what);
    }
  });

  test('that are not in order are put into it', async () => {
    await using rig = new ActionRig(executor, 'blake3');
    const file = await rig.upload(Buffer.from('x'));
    const root = await rig.upload(
      encodeWire([
        [symlinks, linkTo('l', 'b')],
        [files, named('b', file)],
        [files, named('a', file)],
        [99, 7],
      ]),
    );
    const result = await rig.ended('ls', { root });
    assert.equal(await rig.read(result.stdoutDigest), 'a\nb\nl\n');
  });

  test('whose symlinks lead in circles, or elsewhere, are trees like others', async () => {
    await using rig = new ActionRig(executor);
    const tree = { a: '-> b', b: '-> a', up: '-> ../../../../etc/shadow', self: '-> .', abs: '-> /etc/passwd' };
    const result = await rig.ended('cat a; cat up; cat self/self/self/abs | wc -l; ls | wc -l', { tree });
    assert.match(await rig.read(result.stderrDigest), /Too many levels of symbolic links\n.*No such file/s);
    assert.equal(await rig.read(result.stdoutDigest), '3\n5\n');
  });

  test('of 1,000 levels are refused, whether they end or not', async () => {
    await using rig = new ActionRig(executor);
    let root = await rig.upload(new Uint8Array(0));
    for (let level = 0; level < 1000; level++) root = await rig.upload(encodeWire([[directories, named('d', root)]]));
    await assert.rejects(rig.run('true', { root }), { code: 'action/malformed', message: /maximum directory depth/ });
  });

  test('of 20,000 files are made; of exponentially many they are refused', async () => {
    await using rig = new ActionRig(executor);
    const file = await rig.upload(Buffer.from('x'));
    const many = await rig.upload(
      encodeWire(Array.from({ length: 1000 }, (_, at) => [files, named(`f${String(at).padStart(4, '0')}`, file)])),
    );
    const wide = await rig.upload(
      encodeWire(Array.from({ length: 20 }, (_, at) => [directories, named(`d${String(at).padStart(2, '0')}`, many)])),
    );
    const result = await rig.ended('find . -type f | wc -l', { root: wide });
    assert.equal(await rig.read(result.stdoutDigest), '20000\n');
    let root = wide;
    for (let level = 0; level < 30; level++) {
      root = await rig.upload(
        encodeWire([
          [directories, named('a', root)],
          [directories, named('b', root)],
        ]),
      );
    }
    await assert.rejects(rig.run('true', { root }), { code: 'action/malformed', message: /more than/ });
  });

  test('whose blobs have other sizes than they say are not whole', async () => {
    await using rig = new ActionRig(executor);
    const file = await rig.upload(Buffer.from('x'));
    const root = await rig.upload(encodeWire([[files, named('a', { ...file, size: 2 })]]));
    await assert.rejects(rig.run('true', { root }), { code: 'blobs/missing', missing: [{ ...file, size: 2 }] });
    const absent = foreignDigestOf(Buffer.from('absent'), 'sha256');
    await assert.rejects(rig.run('true', { root: absent }), { code: 'blobs/missing', missing: [absent] });
  });
});
