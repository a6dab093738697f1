import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentReporter } from '../../../base/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { HttpClient } from '../http/http-client.ts';
import { HttpTransport, resolveUrl } from '../http-transport.ts';
import { type MultipartOptions, S3Transport, minPartSize } from './s3-transport.ts';

interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A bucket that takes uploads in parts and says so; `refuse` has it refuse some. */
async function setUp(multipart: MultipartOptions | undefined, refuse: (request: Request) => boolean = () => false) {
  const requests: Request[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(await Array.fromAsync(request, chunk => Buffer.from(chunk)));
    const received = { method, url, headers, body };
    requests.push(received);
    if (refuse(received)) response.writeHead(400).end();
    else if (url.endsWith('?uploads=')) response.end('<R><UploadId>id&lt;1</UploadId></R>');
    else response.writeHead(200, { etag: `"${body.byteLength}"` }).end();
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // Parts that are under way are broken off where another one has failed.
      if (request.complete) throw error;
    });
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const base = new URL(`http://127.0.0.1:${address.port}/b/`);
  const client = new HttpClient({
    connections: 25,
    connectTimeout: 15,
    stallTimeout: 300,
    attempts: 1,
    maxSpeed: 0,
    userAgent: 'test',
    netrcFile: '/nonexistent',
    caFile: undefined,
    variables: {},
    reporter: silentReporter,
  });
  const common = { address: (path: string) => ({ url: resolveUrl(path, base) }), reporter: silentReporter };
  const http = new HttpTransport({ ...common, client, uri: 's3://b', disablesItself: false });
  const transport = new S3Transport({ ...common, http, storageClass: 'STANDARD_IA', multipart });
  const folder = temporaryFolder();
  const contents = Buffer.from(Array.from({ length: 2 * minPartSize + 1000 }, (_, at) => at % 251));
  writeFileSync(join(folder.path, 'file'), contents);
  return {
    requests,
    contents,
    put: () =>
      transport.put(
        'nar/x',
        { file: join(folder.path, 'file'), size: contents.byteLength },
        { mimeType: 'application/x-nix-nar' },
      ),
    [Symbol.asyncDispose]: async () => {
      folder[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise(resolve => {
        server.close(resolve);
      });
    },
  };
}

describe('an upload to S3', () => {
  test('is one request unless it is large', async () => {
    for (const multipart of [undefined, { partSize: minPartSize, threshold: 100_000_000 }]) {
      await using it = await setUp(multipart);
      await it.put();
      const [request, ...more] = it.requests;
      assert.equal(more.length, 0);
      assert.ok(request);
      assert.deepEqual([request.method, request.url], ['PUT', '/b/nar/x']);
      assert.ok(request.body.equals(it.contents));
      assert.equal(request.headers['x-amz-storage-class'], 'STANDARD_IA');
      assert.equal(request.headers['content-md5'], createHash('md5').update(it.contents).digest('base64'));
    }
  });

  test('is in parts where it is large', async () => {
    await using it = await setUp({ partSize: minPartSize, threshold: 1_000_000 });
    await it.put();
    const [begin, ...rest] = it.requests;
    const end = rest.pop();
    assert.deepEqual([begin?.method, begin?.url], ['POST', '/b/nar/x?uploads=']);
    assert.equal(begin?.headers['x-amz-storage-class'], 'STANDARD_IA');
    assert.equal(begin.headers['content-type'], 'application/x-nix-nar');
    const parts = rest.toSorted((a, b) => (a.url < b.url ? -1 : 1));
    assert.deepEqual(
      parts.map(({ method, url }) => `${method} ${url}`),
      [1, 2, 3].map(number => `PUT /b/nar/x?partNumber=${number}&uploadId=id%26lt%3B1`),
    );
    assert.ok(Buffer.concat(parts.map(({ body }) => body)).equals(it.contents));
    assert.equal(
      end?.body.toString(),
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"5242880"</ETag></Part>' +
        '<Part><PartNumber>2</PartNumber><ETag>"5242880"</ETag></Part>' +
        '<Part><PartNumber>3</PartNumber><ETag>"1000"</ETag></Part></CompleteMultipartUpload>',
    );
  });

  test('leaves no parts behind where it fails', async () => {
    await using it = await setUp({ partSize: minPartSize, threshold: 1_000_000 }, ({ url }) =>
      url.includes('partNumber=2'),
    );
    await assert.rejects(it.put(), { code: 'cache/transfer-failed', message: /HTTP error 400/ });
    const last = it.requests.at(-1);
    assert.deepEqual([last?.method, last?.url], ['DELETE', '/b/nar/x?uploadId=id%26lt%3B1']);
  });
});
