import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FirnError, silentReporter } from '../../base/index.ts';
import {
  WireWriter,
  defaultStoreDir,
  parseStorePath,
  writeServePathInfo,
  writeStorePath,
} from '../../nix-compat/index.ts';
import {
  MemoryChannel,
  type RecordedSession,
  readRecordedSessions,
  scriptedPath,
  serveScripts,
  truncations,
  wordMutations,
  workerScripts,
} from '../../testing/index.ts';
import { WorkerConnection } from '../daemon/worker-connection.ts';
import { ServeConnection } from '../ssh/serve-connection.ts';

/** Does again what our client did then, with a peer that says `bytes` and no more. */
async function replay({ protocol, name }: RecordedSession, channel: MemoryChannel): Promise<void> {
  const storeDir = defaultStoreDir;
  if (protocol === 'serve') {
    await using connection = await ServeConnection.open(channel, { storeDir, host: 'test', preamble: '' });
    await serveScripts[name]?.(connection);
  } else {
    const options = { storeDir, uri: 'test', preamble: '', reporter: silentReporter };
    await using connection = await WorkerConnection.open(channel, options);
    await workerScripts[name]?.(connection);
  }
}

async function failureOf(session: RecordedSession, channel: MemoryChannel): Promise<unknown> {
  return replay(session, channel).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Bytes of the shortest, of which one session is tried from its beginning. */
const greetingSizes = { worker: 48, serve: 16 };

for (const protocol of ['worker', 'serve'] as const) {
  const sessions = readRecordedSessions(protocol).flatMap(session =>
    session.answered === undefined ? [] : [{ session, answered: session.answered }],
  );
  const brief = [...new Map(sessions.toReversed().map(each => [each.session.name, each])).values()].map(
    ({ session, answered }) => ({
      session,
      from: session.name === 'SetOptions' ? 0 : greetingSizes[protocol],
      // What is longer is mostly logs.
      step: answered.length <= 400 ? 1 : 5,
      // It is nothing else.
      answered: session.name === 'OptimiseStore' ? answered.subarray(0, 200) : answered,
    }),
  );

  describe(`peers that speak the ${protocol} protocol`, () => {
    test('what C++ Nix answered is understood', async () => {
      for (const { session, answered } of sessions) {
        const channel = new MemoryChannel([answered]);
        const failure = await failureOf(session, channel);
        const isRefusal = failure instanceof FirnError && failure.code === 'remote/failed';
        assert.ok(failure === undefined || isRefusal, `${session.name} of ${session.version}: ${String(failure)}`);
        assert.equal(channel.isDestroyed, true);
      }
    });

    test('who breaks off anywhere has failed', async () => {
      for (const { session, answered, from, step } of brief) {
        for (const { what, bytes } of truncations(answered, from, step)) {
          const channel = new MemoryChannel([bytes]);
          const failure = await failureOf(session, channel);
          const name = `${session.name} of ${session.version}, ${what}`;
          assert.ok(
            failure instanceof FirnError,
            `${name}: ${failure instanceof Error ? failure.stack : 'no failure'}`,
          );
          assert.notEqual(failure.code, 'remote/failed', name);
          assert.equal(channel.isDestroyed, true, name);
        }
      }
    });

    test('who says what cannot be has failed, or is taken at his word', async () => {
      for (const { session, answered, from, step } of brief) {
        for (const { what, bytes } of wordMutations(answered, from, step)) {
          const channel = new MemoryChannel([bytes]);
          const failure = await failureOf(session, channel);
          const name = `${session.name} of ${session.version}, ${what}`;
          assert.ok(failure === undefined || failure instanceof FirnError, `${name}: ${(failure as Error)?.stack}`);
          assert.equal(channel.isDestroyed, true, name);
        }
      }
    });

    test('who falls silent is left when nobody waits any more', async () => {
      for (const { session, answered } of sessions) {
        for (const size of [0, 8, answered.length >> 1, answered.length - 8]) {
          const channel = new MemoryChannel([answered.subarray(0, size)], { stays: true });
          const failed = failureOf(session, channel);
          setImmediate(() => channel.destroy());
          assert.ok((await failed) instanceof FirnError, `${session.name} after ${size} bytes`);
        }
      }
    });
  });
}

test('a peer that tells of one path again and again is not listened to for ever', async () => {
  const [{ info }] = scriptedPath.offers;
  const writer = new WireWriter();
  writer.number(0x5452eecb);
  writer.number(0x207);
  const greeting = writer.take();
  writeStorePath(writer, defaultStoreDir, info.path);
  writeServePathInfo(writer, { storeDir: defaultStoreDir, version: 0x207 }, info);
  const told = writer.take();
  const endless = (function* () {
    yield greeting;
    for (;;) yield told;
  })();
  const options = { storeDir: defaultStoreDir, host: 'test', preamble: '' };
  await using connection = await ServeConnection.open(new MemoryChannel(endless), options);
  const absent = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent');
  await assert.rejects(connection.pathInfos(new Set([info.path, absent])), /tells of '.*-tree' twice/);
});
