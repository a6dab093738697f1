import assert from 'node:assert/strict';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { ConnectionPool } from './connection-pool.ts';
import { PooledCall } from './http-call.ts';

/** A server that answers the n-th request of all connections with the n-th text, in pieces of so many bytes. */
async function serve(answers: readonly string[], { piece = Infinity, closes = false } = {}) {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    let text = '';
    let answer = '';
    const send = (at: number) => {
      if (at < answer.length)
        socket.write(answer.slice(at, at + piece), 'latin1', () => setImmediate(send, at + piece));
      else {
        answer = '';
        if (closes) socket.end();
        else answerNext();
      }
    };
    const answerNext = () => {
      const end = text.indexOf('\r\n\r\n') + 4;
      if (end < 4 || answer !== '') return;
      answer = answers[requests.push(text.slice(0, end)) - 1] ?? '';
      text = text.slice(end);
      if (answer !== '') send(0);
    };
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      answerNext();
    });
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}/some/file?x=1`);
  const pool = new ConnectionPool(url, { secureContext: undefined, isDistant: false, connections: 1 });
  return {
    requests,
    /** Of something small. */
    call: () => new PooledCall(pool, { method: 'GET', url, headers: {}, isSmall: true }),
    ask: async (method: 'GET' | 'HEAD' = 'GET') =>
      new PooledCall(pool, { method, url, headers: { accept: '*/*' } }).answer(),
    get connections() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => {
        server.close(resolve);
      });
    },
  };
}

type Served = Awaited<ReturnType<typeof serve>>;

async function wholeBody(served: Served, limit = 1000): Promise<string | undefined> {
  const answer = await served.ask();
  const bytes = await answer.whole?.({ limit }, () => {});
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}

async function iteratedBody(served: Served): Promise<string> {
  const chunks = await Array.fromAsync(await served.ask());
  return Buffer.concat(chunks.map(chunk => Buffer.from(chunk as Uint8Array))).toString('latin1');
}

const ok = 'HTTP/1.1 200 OK\r\n';

describe('a connection of our own', () => {
  const bodies: [what: string, answer: string, closes?: boolean][] = [
    ['of a known length', `${ok}Content-Length: 5\r\n\r\nhello`],
    ['whose length is said twice', `${ok}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`],
    ['in chunks', `${ok}Transfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n003;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n`],
    ['up to the end of the connection', `${ok}\r\nhello`, true],
    ['after an announcement', `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 5\r\n\r\nhello`],
    ['from a server of HTTP/1.0', 'HTTP/1.0 200\r\nContent-Length: 5\r\n\r\nhello', true],
  ];
  for (const [what, answer, closes = false] of bodies) {
    test(`takes a body ${what}, in whatever pieces it comes`, async () => {
      for (const piece of [1, 3, Infinity]) {
        await using served = await serve([answer, answer], { piece, closes });
        assert.equal(await wholeBody(served), 'hello');
        assert.equal(await iteratedBody(served), 'hello');
        assert.match(served.requests[1] ?? '', /^GET \/some\/file\?x=1 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:[0-9]+\r\n/);
        assert.equal(served.connections, closes ? 2 : 1);
      }
    });
  }

  test('is used again unless the server closes it, also after answers without a body', async () => {
    const nothing = 'HTTP/1.1 204 No Content\r\n\r\n';
    const last = `${ok}Connection: close\r\nContent-Length: 0\r\n\r\n`;
    await using served = await serve([`${ok}Content-Length: 5\r\n\r\n`, nothing, last, nothing]);
    assert.equal((await served.ask('HEAD')).headers['content-length'], '5');
    assert.equal((await served.ask()).statusCode, 204);
    assert.equal(await wholeBody(served), '');
    assert.equal((await served.ask()).statusCode, 204);
    assert.equal(served.connections, 2);
  });

  test('reads no more than is wanted', async () => {
    const large = `${ok}Content-Length: 100\r\n\r\n${'x'.repeat(100)}`;
    const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n64\r\n${'x'.repeat(100)}\r\n0\r\n\r\n`;
    await using served = await serve([large, chunked, large]);
    assert.equal(await wholeBody(served, 99), undefined);
    assert.equal(await wholeBody(served, 99), undefined);
    assert.equal((await wholeBody(served, 100))?.length, 100);
  });

  test('takes a large body no faster than it is read', async () => {
    const size = 3_000_000;
    await using served = await serve([`${ok}Content-Length: ${size}\r\n\r\n${'x'.repeat(size)}`]);
    let count = 0;
    for await (const chunk of await served.ask()) {
      count += (chunk as Uint8Array).byteLength;
      await new Promise(resolve => {
        setImmediate(resolve);
      });
    }
    assert.equal(count, size);
  });

  const refused: [what: string, answer: string][] = [
    ['no status', 'hello\r\n\r\n'],
    ['another version', 'HTTP/2 200 OK\r\n\r\n'],
    ['a header without a name', `${ok}: x\r\n\r\n`],
    ['a header that goes on in the next line', `${ok}A: x\r\n y\r\n\r\n`],
    ['a header with a bare line feed', `${ok}A: x\nB: y\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
    ['a length that is none', `${ok}Content-Length: 0x5\r\n\r\nhello`],
    ['a length and chunks', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['another transfer encoding', `${ok}Transfer-Encoding: gzip\r\n\r\n`],
    ['a head without an end', `${ok}A: ${'x'.repeat(70_000)}`],
    ['a chunk whose size is none', `${ok}Transfer-Encoding: chunked\r\n\r\nx\r\n`],
    ['a chunk that is longer than it says', `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`],
    ['a change of the protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ];
  for (const [what, answer] of refused) {
    test(`refuses ${what}`, async () => {
      await using served = await serve([answer, `${ok}Content-Length: 0\r\n\r\n`]);
      await assert.rejects(wholeBody(served), /^Error: the server sent a malformed /);
      assert.equal(await wholeBody(served), '');
      assert.equal(served.connections, 2);
    });
  }

  test('is not used again where more comes than was asked for', async () => {
    const two = `${ok}Content-Length: 0\r\n\r\n${ok}Content-Length: 4\r\n\r\nevil`;
    await using served = await serve([two, `${ok}Content-Length: 0\r\n\r\n`]);
    assert.equal(await wholeBody(served), '');
    assert.equal(await wholeBody(served), '');
    assert.equal(served.connections, 2);
  });

  test('says that a body has broken off', async () => {
    await using served = await serve([`${ok}Content-Length: 6\r\n\r\nhello`], { closes: true });
    await assert.rejects(wholeBody(served), /^Error: the connection was closed/);
  });

  describe('that is asked for several small things at a time', () => {
    const answers = ['zero', 'one', 'two', 'three'].map(text => `${ok}Content-Length: ${text.length}\r\n\r\n${text}`);
    const textOf = async (call: PooledCall) => {
      const bytes = await (await call.answer()).whole?.({ limit: 1000 }, () => {});
      return Buffer.from(bytes ?? []).toString('latin1');
    };

    test('gives everybody his own', async () => {
      for (const piece of [1, Infinity]) {
        await using served = await serve(answers, { piece });
        // Nothing is known of the server before its first answer.
        assert.equal(await textOf(served.call()), 'zero');
        const texts = await Promise.all([served.call(), served.call(), served.call()].map(textOf));
        assert.deepEqual(texts, ['one', 'two', 'three']);
        assert.equal(served.connections, 1);
      }
    });

    test('is not where the server closes it: who has no answer may ask again', async () => {
      const last = `${ok}Connection: close\r\nContent-Length: 4\r\n\r\nlast`;
      await using served = await serve([answers[0] ?? '', last, ...answers]);
      assert.equal(await textOf(served.call()), 'zero');
      const [first, second] = [served.call(), served.call()];
      const answered = textOf(first);
      const rejected = assert.rejects(textOf(second));
      assert.equal(await answered, 'last');
      await rejected;
      assert.ok(second.isReused);
      // The server may have read what it does not answer.
      assert.match(await textOf(served.call()), /^(zero|one)$/);
      assert.equal(served.connections, 2);
    });

    test('goes on for those before one who gives up', async () => {
      await using served = await serve(answers);
      assert.equal(await textOf(served.call()), 'zero');
      const [first, second] = [served.call(), served.call()];
      const texts = [textOf(first), textOf(second)];
      const rejected = assert.rejects(texts[1] ?? Promise.resolve(), /given up/);
      second.destroy();
      await rejected;
      assert.equal(await texts[0], 'one');
    });
  });
});
