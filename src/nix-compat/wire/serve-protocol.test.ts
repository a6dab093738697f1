import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hexVectors } from '../../testing/index.ts';
import {
  WireReader,
  WireWriter,
  acceptServeConnection,
  openServeConnection,
  protocolVersion,
  readServeCommand,
  writeServeCommand,
} from '../index.ts';

function words(...numbers: readonly number[]): Uint8Array {
  const writer = new WireWriter();
  for (const number of numbers) writer.number(number);
  return writer.take();
}

const clientMagic = 0x390c9deb;
const serverMagic = 0x5452eecb;

describe('the handshake of the serve protocol', () => {
  test('of a client agrees on the older version', async () => {
    for (const [theirs, ours, agreed] of [
      [6, 7, 6],
      [9, 7, 7],
    ] as const) {
      const sent: Uint8Array[] = [];
      const reader = new WireReader([words(serverMagic, protocolVersion(2, theirs))]);
      const end = { reader, send: (bytes: Uint8Array) => void sent.push(bytes) };
      assert.equal(await openServeConnection(end, protocolVersion(2, ours)), protocolVersion(2, agreed));
      assert.deepEqual(Buffer.concat(sent), Buffer.from(words(clientMagic, protocolVersion(2, ours))));
    }
  });

  test('of a server answers as C++ Nix and serves old clients', async () => {
    const sent: Uint8Array[] = [];
    const reader = new WireReader([words(clientMagic, protocolVersion(2, 1))]);
    const end = { reader, send: (bytes: Uint8Array) => void sent.push(bytes) };
    assert.equal(await acceptServeConnection(end, protocolVersion(2, 5)), protocolVersion(2, 1));
    assert.deepEqual(Buffer.concat(sent), hexVectors('wire/protocols.json')('serve/handshake-to-client'));
  });

  const refusals: readonly [why: string, answer: Uint8Array, code: string][] = [
    ['another magic number', words(clientMagic, protocolVersion(2, 7)), 'wire/protocol-mismatch'],
    ['another major version', words(serverMagic, protocolVersion(3, 7)), 'wire/unsupported-version'],
    ['an old version', words(serverMagic, protocolVersion(2, 4)), 'wire/unsupported-version'],
    ['a message of a shell', Buffer.from('sh: nix-store: not found\n'), 'wire/number-too-large'],
    ['a server that hangs up', new Uint8Array(), 'wire/truncated'],
  ];
  for (const [why, answer, code] of refusals)
    test(`of a client refuses ${why}`, async () => {
      const end = { reader: new WireReader([answer]), send: () => {} };
      await assert.rejects(openServeConnection(end), { name: 'NixCompatError', code });
    });

  test('of a server refuses another magic number', async () => {
    const end = { reader: new WireReader([words(serverMagic, 1)]), send: () => {} };
    await assert.rejects(acceptServeConnection(end), { code: 'wire/protocol-mismatch' });
  });
});

describe('commands of the serve protocol', () => {
  test('have numbers', async () => {
    const writer = new WireWriter();
    writeServeCommand(writer, 'AddToStoreNar');
    const bytes = writer.take();
    assert.deepEqual(bytes, words(9));
    const reader = new WireReader([bytes]);
    assert.equal(await readServeCommand(reader), 'AddToStoreNar');
    assert.equal(await readServeCommand(reader), undefined);
  });

  test('refuse other numbers', async () => {
    await assert.rejects(readServeCommand(new WireReader([words(5)])), {
      code: 'wire/unknown-operation',
      message: 'unknown serve command 5',
    });
  });
});
