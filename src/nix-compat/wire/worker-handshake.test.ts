import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { hexVectors } from '../../testing/index.ts';
import {
  type DaemonInfo,
  type ProtocolVersion,
  type WireConnection,
  WireReader,
  WireWriter,
  type WorkerProtocol,
  acceptWorkerConnection,
  latestWorkerProtocol,
  openWorkerConnection,
  protocolVersion,
  readWorkerOperation,
  writeWorkerOperation,
} from '../index.ts';

const vector = hexVectors('wire/protocols.json');

/** Two ends that are connected to each other. */
function connect(): readonly [client: WireConnection, server: WireConnection] {
  const toServer = new PassThrough();
  const toClient = new PassThrough();
  return [
    { reader: new WireReader(toClient), send: bytes => void toServer.write(bytes) },
    { reader: new WireReader(toServer), send: bytes => void toClient.write(bytes) },
  ];
}

function protocol(version: ProtocolVersion, ...features: readonly string[]): WorkerProtocol {
  return { version, features: new Set(features.map(byteStringFromText)) };
}

const daemon: DaemonInfo = { version: byteStringFromText('2.34.8'), trustsClient: true };

async function shakeHands(client: WorkerProtocol, server: WorkerProtocol) {
  const [clientEnd, serverEnd] = connect();
  const [opened, accepted] = await Promise.all([
    openWorkerConnection(clientEnd, client),
    acceptWorkerConnection(serverEnd, daemon, server),
  ]);
  assert.deepEqual(opened.protocol, accepted);
  return opened;
}

/** What a client makes of a server that sends just `bytes`. */
function openOn(bytes: Uint8Array, offered = latestWorkerProtocol) {
  return openWorkerConnection({ reader: new WireReader([bytes]), send: () => {} }, offered);
}

function words(...numbers: readonly number[]): Uint8Array {
  const writer = new WireWriter();
  for (const number of numbers) writer.number(number);
  return writer.take();
}

describe('the handshake of the worker protocol', () => {
  test('agrees on the older version and the common features', async () => {
    const { protocol: agreed } = await shakeHands(
      protocol(protocolVersion(1, 123), 'bar', 'aap', 'mies', 'xyzzy'),
      protocol(protocolVersion(1, 200), 'foo', 'bar', 'xyzzy'),
    );
    assert.deepEqual(agreed, protocol(protocolVersion(1, 123), 'bar', 'xyzzy'));
  });

  test('knows features since 1.38', async () => {
    const { protocol: agreed } = await shakeHands(
      protocol(protocolVersion(1, 38), 'foo'),
      protocol(protocolVersion(1, 37), 'foo'),
    );
    assert.deepEqual(agreed, protocol(protocolVersion(1, 37)));
  });

  for (const [minor, expected] of [
    [32, { version: undefined, trustsClient: undefined }],
    [33, { version: daemon.version, trustsClient: undefined }],
    [35, daemon],
  ] as const)
    test(`tells of the daemon what 1.${minor} knows`, async () => {
      const { daemon: told } = await shakeHands(protocol(protocolVersion(1, minor)), latestWorkerProtocol);
      assert.deepEqual(told, expected);
    });

  test('begins as C++ Nix begins', async () => {
    const sent: Uint8Array[] = [];
    const offered = protocol(protocolVersion(1, 266 - 256)); // the vector's 1.10
    const end = {
      reader: new WireReader([words(0x6e697863, protocolVersion(1, 38))]),
      send: (bytes: Uint8Array) => void sent.push(bytes),
    };
    await assert.rejects(acceptWorkerConnection(end, daemon, offered), { code: 'wire/unsupported-version' });
    assert.deepEqual(Buffer.concat(sent), vector('worker/handshake-to-client'));
  });

  test('ends with what C++ Nix tells', async () => {
    for (const [version, name] of [
      [protocolVersion(1, 33), 'worker/client-handshake-info_1_33'],
      [protocolVersion(1, 35), 'worker/client-handshake-info_1_35'],
    ] as const) {
      const { daemon: told } = await openOn(Buffer.concat([words(0x6478696f, version), vector(name)]));
      const trustsClient = version < protocolVersion(1, 35) ? undefined : false;
      assert.deepEqual(told, { version: 'foo', trustsClient });
    }
  });

  const refusals: readonly [why: string, answer: Uint8Array, code: string, message: RegExp][] = [
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request'), 'wire/number-too-large', /too large/],
    [
      'another magic number',
      words(0x6e697863, protocolVersion(1, 38)),
      'wire/protocol-mismatch',
      /nix-daemon protocol mismatch/,
    ],
    [
      'another major version',
      words(0x6478696f, protocolVersion(2, 38)),
      'wire/unsupported-version',
      /not supported \(it speaks 2.38\)/,
    ],
    [
      'an old version',
      words(0x6478696f, protocolVersion(1, 17)),
      'wire/unsupported-version',
      /too old \(it speaks 1.17\)/,
    ],
    ['a server that hangs up', words(0x6478696f), 'wire/truncated', /unexpected end-of-file/],
    [
      'a trust that is none',
      Buffer.concat([words(0x6478696f, protocolVersion(1, 37)), words(0), words(3)]),
      'wire/bad-value',
      /Invalid trusted status/,
    ],
  ];
  for (const [why, answer, code, message] of refusals)
    test(`refuses ${why}`, async () => {
      await assert.rejects(openOn(answer), { name: 'NixCompatError', code, message });
    });

  test('refuses a client that is too old', async () => {
    const end = { reader: new WireReader([words(0x6e697863, protocolVersion(1, 17))]), send: () => {} };
    await assert.rejects(acceptWorkerConnection(end, daemon), { code: 'wire/unsupported-version' });
  });

  test('skips an obsolete CPU affinity', async () => {
    const [client, server] = connect();
    const accepted = acceptWorkerConnection(server, daemon);
    await client.send(words(0x6e697863, protocolVersion(1, 30), 1, 12345, 0));
    assert.deepEqual(await accepted, protocol(protocolVersion(1, 30)));
  });
});

describe('operations of the worker protocol', () => {
  test('have numbers', async () => {
    const writer = new WireWriter();
    writeWorkerOperation(writer, 'AddPermRoot');
    const bytes = writer.take();
    assert.deepEqual(bytes, words(47));
    const reader = new WireReader([bytes]);
    assert.equal(await readWorkerOperation(reader), 'AddPermRoot');
    assert.equal(await readWorkerOperation(reader), undefined);
  });

  for (const number of [0, 3, 27, 48, 2 ** 40])
    test(`refuse ${number}`, async () => {
      await assert.rejects(readWorkerOperation(new WireReader([words(number)])), {
        code: 'wire/unknown-operation',
        message: `invalid operation ${number}`,
      });
    });
});
