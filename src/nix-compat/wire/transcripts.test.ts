import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type TreeSink, byteStringFromText } from '../../base/index.ts';
import { TreeRecorder, inPieces, readVectors } from '../../testing/index.ts';
import {
  ExportWriter,
  FramedReader,
  type LogMessage,
  NarReader,
  NarWriter,
  type PathInfo,
  WireReader,
  WireWriter,
  acceptServeConnection,
  acceptWorkerConnection,
  defaultStoreDir,
  formatContentAddress,
  openServeConnection,
  openWorkerConnection,
  readClientOptions,
  readExport,
  readLogMessage,
  readPathInfo,
  readServeCommand,
  readServePathInfo,
  readStorePath,
  readStorePaths,
  readWorkerOperation,
  writeLogMessage,
  writePathInfo,
  writeServePathInfo,
  writeStorePath,
} from '../index.ts';

const transcripts = readVectors('wire/transcripts.json') as readonly {
  readonly name: string;
  readonly sent: string;
  readonly hex: string;
}[];

function transcript(name: string) {
  const found = transcripts.find(candidate => candidate.name === name);
  assert(found !== undefined);
  const sent = Buffer.from(found.sent, 'hex');
  const answered = Buffer.from(found.hex, 'hex');
  return {
    /** What C++ Nix sent, and what we sent it. */
    answer: new WireReader(inPieces(answered, 7)),
    request: new WireReader(inPieces(sent, 7)),
    sent,
    answered,
  };
}

function collect() {
  const chunks: Uint8Array[] = [];
  return { send: (bytes: Uint8Array) => void chunks.push(Uint8Array.from(bytes)), bytes: () => Buffer.concat(chunks) };
}

async function readLog(reader: WireReader): Promise<LogMessage[]> {
  const messages: LogMessage[] = [];
  do messages.push(await readLogMessage(reader, 0x126));
  while (messages.at(-1)?.kind !== 'last' && messages.at(-1)?.kind !== 'error');
  return messages;
}

describe('transcripts of C++ Nix', () => {
  test('a daemon that cannot ensure a path', async () => {
    const { answer, request, sent, answered } = transcript('daemon: EnsurePath of a path that does not exist');

    const client = collect();
    const { daemon } = await openWorkerConnection({ reader: answer, send: client.send });
    assert.deepEqual(daemon, { version: '2.34.8', trustsClient: true });
    assert.deepEqual(client.bytes(), sent.subarray(0, client.bytes().length));
    const startOfLog = answer.offset;
    const messages = [await readLog(answer), await readLog(answer), await readLog(answer)];
    assert(await answer.atEnd());
    assert.deepEqual(messages.slice(0, 2), [[{ kind: 'last' }], [{ kind: 'last' }]]);
    const kinds = messages[2]?.map(message => message.kind).join(' ');
    assert.equal(kinds, `${'start-activity '.repeat(4)}${'stop-activity '.repeat(4)}error`);
    const writer = new WireWriter();
    for (const message of messages.flat()) writeLogMessage(writer, 0x126, message);
    assert.deepEqual(writer.take(), answered.subarray(startOfLog));

    const server = collect();
    await acceptWorkerConnection({ reader: request, send: server.send }, daemon);
    assert.deepEqual(server.bytes(), answered.subarray(0, startOfLog));
    assert.equal(await readWorkerOperation(request), 'SetOptions');
    const options = await readClientOptions(request);
    assert.deepEqual([options.verbosity, options.maxBuildJobs, options.verboseBuild], [5, 1, false]);
    assert.equal(await readWorkerOperation(request), 'EnsurePath');
    assert.equal(await readStorePath(request, defaultStoreDir), 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
    assert.equal(await readWorkerOperation(request), undefined);
  });

  test('a daemon that adds a text', async () => {
    const { answer, request, answered } = transcript('daemon: AddToStore');

    await openWorkerConnection({ reader: answer, send: () => {} });
    await readLog(answer);
    assert.deepEqual(await readLog(answer), [{ kind: 'last' }]);
    const start = answer.offset;
    const info = await readPathInfo(answer, defaultStoreDir);
    assert.equal(info.path, 'qa1w9gdfrba6jl2r57mb3c43863gqywp-hello.txt');
    assert.equal(info.narSize, 120);
    assert(info.contentAddress !== undefined && formatContentAddress(info.contentAddress).startsWith('text:sha256:'));
    const writer = new WireWriter();
    writePathInfo(writer, defaultStoreDir, info);
    assert.deepEqual(writer.take(), answered.subarray(start));

    await acceptWorkerConnection({ reader: request, send: () => {} }, { version: undefined, trustsClient: undefined });
    assert.equal(await readWorkerOperation(request), 'AddToStore');
    assert.deepEqual([await request.string(), await request.string()], ['hello.txt', 'text:sha256']);
    assert.deepEqual([await readStorePaths(request, defaultStoreDir), await request.boolean()], [[], false]);
    const text: Buffer[] = [];
    for await (const chunk of new FramedReader(request)) text.push(Buffer.from(chunk));
    assert.equal(Buffer.concat(text).toString(), 'hello\n');
  });

  test('a server of the serve protocol that tells of a path and dumps it', async () => {
    const { answer, request, sent, answered } = transcript('serve: QueryPathInfos, DumpStorePath');

    const client = collect();
    const version = await openServeConnection({ reader: answer, send: client.send });
    assert.deepEqual(client.bytes(), sent.subarray(0, 16));
    const path = await readStorePath(answer, defaultStoreDir);
    const info = await readServePathInfo(answer, defaultStoreDir);
    assert.equal(await answer.string(), '');
    const recorder = new TreeRecorder();
    await answer.feed(new NarReader(recorder));
    assert.deepEqual(recorder.events, ['file of 6', 'contents "hello\\n"']);
    assert(await answer.atEnd());

    const server = collect();
    assert.equal(await acceptServeConnection({ reader: request, send: server.send }), version);
    const writer = new WireWriter();
    assert.equal(await readServeCommand(request), 'QueryPathInfos');
    for (const asked of await readStorePaths(request, defaultStoreDir)) writeStorePath(writer, defaultStoreDir, asked);
    writeServePathInfo(writer, { storeDir: defaultStoreDir, version }, info);
    writer.string(byteStringFromText(''));
    assert.equal(await readServeCommand(request), 'DumpStorePath');
    assert.equal(await readStorePath(request, defaultStoreDir), path);
    server.send(writer.take());
    const nar = new NarWriter(server.send);
    nar.startFile(false, 6);
    nar.fileData(Buffer.from('hello\n'));
    nar.endFile();
    assert.deepEqual(server.bytes(), answered);
  });

  test('an export', async () => {
    const { answer, answered } = transcript('export: a text and a derivation that refers to it');
    const infos: PathInfo[] = [];
    const written = collect();
    const writer = new ExportWriter(defaultStoreDir, written.send);
    await readExport(answer, defaultStoreDir, {
      startObject: (): TreeSink => writer.startObject(),
      endObject(info) {
        infos.push(info);
        writer.endObject(info);
      },
    });
    writer.end();
    assert.deepEqual(
      infos.map(({ path, references, narSize }) => ({ path, references, narSize })),
      [
        { path: 'qa1w9gdfrba6jl2r57mb3c43863gqywp-hello.txt', references: [], narSize: 120 },
        {
          path: 'zb162ln7zcygi8lisggwpc54fz4wyhml-d.drv',
          references: ['qa1w9gdfrba6jl2r57mb3c43863gqywp-hello.txt'],
          narSize: 464,
        },
      ],
    );
    assert.deepEqual(written.bytes(), answered);
  });
});
