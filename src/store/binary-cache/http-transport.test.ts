import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import {
  type HttpFault,
  HttpRig,
  type HttpRigOptions,
  makeCertificate,
  recordReports,
  temporaryFolder,
} from '../../testing/index.ts';
import { HttpClient, type HttpClientOptions } from './http/http-client.ts';
import { HttpTransport, resolveUrl } from './http-transport.ts';

const contents = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));

interface Setup extends Partial<HttpClientOptions> {
  readonly fault?: HttpRigOptions['fault'];
  readonly tls?: HttpRigOptions['tls'];
  readonly disablesItself?: boolean;
  /** Put in front of the path of the cache's URL. */
  readonly account?: string;
}

async function setUp({ fault, tls, disablesItself = false, account = '', ...client }: Setup = {}) {
  const folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), contents);
  const rig = await HttpRig.start({
    folder: folder.path,
    ...(fault === undefined ? {} : { fault }),
    ...(tls === undefined ? {} : { tls }),
  });
  const { reporter, reports } = recordReports();
  const base = new URL(rig.url.replace('//', `//${account}`));
  const pauses: number[] = [];
  const options: HttpClientOptions = {
    connections: 25,
    connectTimeout: 15,
    stallTimeout: 300,
    attempts: 5,
    maxSpeed: 0,
    userAgent: 'test',
    netrcFile: '/nonexistent',
    caFile: undefined,
    variables: {},
    reporter,
    pause: async milliseconds => void pauses.push(milliseconds),
    ...client,
  };
  const transport = new HttpTransport({
    uri: rig.url,
    client: new HttpClient(options),
    address: path => ({ url: resolveUrl(path, base) }),
    disablesItself,
    reporter,
  });
  return {
    folder: folder.path,
    rig,
    reports,
    pauses,
    transport,
    get: (path = 'file') => transport.get(path, { limit: 1_000_000 }),
    read: async (path = 'file') => {
      const chunks = await transport.open(path);
      return chunks === undefined ? undefined : Buffer.concat(await Array.fromAsync(chunks));
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const once =
  (fault: HttpFault): HttpRigOptions['fault'] =>
  (_, count) =>
    count === 0 ? fault : undefined;

const always =
  (fault: HttpFault): HttpRigOptions['fault'] =>
  () =>
    fault;

describe('a transport over HTTP', () => {
  test('reads, looks for and writes files', async () => {
    await using it = await setUp();
    assert.deepEqual(await it.get(), contents);
    assert.deepEqual(await it.read(), contents);
    assert.equal(await it.get('absent'), undefined);
    assert.equal(await it.read('absent'), undefined);
    assert.equal(await it.transport.exists('file'), true);
    assert.equal(await it.transport.exists('absent'), false);
    await it.transport.put('nar/a', { bytes: Buffer.from('x') }, { mimeType: 'text/plain' });
    assert.equal(readFileSync(join(it.folder, 'nar/a'), 'utf8'), 'x');
    const upload = { file: join(it.folder, 'file'), size: contents.byteLength };
    await it.transport.put('b', upload, { mimeType: 'application/x-nix-nar' });
    assert.deepEqual(readFileSync(join(it.folder, 'b')), contents);
    assert.equal(it.rig.requests.at(-1)?.headers['content-type'], 'application/x-nix-nar');
    assert.equal(it.rig.requests[0]?.headers['user-agent'], 'test');
    await assert.rejects(it.transport.get('file', { limit: 1000 }), { code: 'cache/file-too-large' });
  });

  test('reads parts of files, also from servers that send all', async () => {
    for (const fault of [undefined, always({ kind: 'whole' })]) {
      await using it = await setUp(fault === undefined ? {} : { fault });
      const chunks = await it.transport.open('file', { range: { offset: 1000, length: 200_000 } });
      const bytes = Buffer.concat(await Array.fromAsync(chunks ?? []));
      assert.ok(bytes.equals(contents.subarray(1000, 201_000)));
    }
  });

  test('says what it does', async () => {
    await using it = await setUp();
    await it.get();
    const [start] = it.reports;
    assert.ok(start?.kind === 'start' && start.type === 'fileTransfer');
    assert.equal(start.text, `downloading '${it.rig.url}/file'`);
    const progress = it.reports.findLast(({ kind }) => kind === 'result');
    assert.ok(progress?.kind === 'result' && progress.result.type === 'progress');
    assert.deepEqual([progress.result.done, progress.result.expected], [300_000, 300_000]);
    assert.equal(it.reports.at(-1)?.kind, 'stop');
  });

  const encodings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
  for (const [name, encode] of Object.entries(encodings)) {
    test(`undoes the encoding ${name}`, async () => {
      const body = encode(contents);
      await using it = await setUp({
        fault: always({ kind: 'answer', status: 200, headers: { 'content-encoding': name }, body }),
      });
      assert.deepEqual(await it.get(), contents);
      assert.deepEqual(await it.read(), contents);
      assert.match(it.rig.requests[0]?.headers['accept-encoding'] ?? '', new RegExp(name));
    });
  }

  for (const [name, body] of [
    ['gzip', 'this is not gzip at all'],
    ['foo', 'x'],
  ] as const) {
    test(`refuses bad encodings: ${name}`, async () => {
      await using it = await setUp({
        fault: always({ kind: 'answer', status: 200, headers: { 'content-encoding': name }, body }),
      });
      await assert.rejects(it.get(), {
        code: 'cache/transfer-failed',
        message: `unable to download '${it.rig.url}/file': HTTP error 200 (curl error: Unrecognized or bad HTTP Content or Transfer-Encoding)`,
      });
      assert.equal(it.pauses.length, 0);
    });
  }

  test('bounds what is decoded', async () => {
    const body = gzipSync(Buffer.alloc(20_000_000));
    await using it = await setUp({
      fault: always({ kind: 'answer', status: 200, headers: { 'content-encoding': 'gzip' }, body }),
    });
    await assert.rejects(it.get(), { code: 'cache/file-too-large' });
  });
});

describe('what fails over HTTP', () => {
  for (const status of [404, 410, 401, 403, 407]) {
    test(`status ${status} means that a file is not there`, async () => {
      await using it = await setUp({ fault: always({ kind: 'answer', status }) });
      assert.equal(await it.get(), undefined);
      assert.equal(await it.transport.exists('file'), false);
      assert.equal(it.rig.requests.length, 2);
      const strict = it.transport.get('file', { limit: 9, refusalIsError: true });
      if (status === 404 || status === 410) assert.equal(await strict, undefined);
      else await assert.rejects(strict, { message: `unable to download '${it.rig.url}/file': HTTP error ${status}` });
    });
  }

  for (const status of [500, 502, 503, 504, 408]) {
    test(`status ${status} is tried again, later each time`, async () => {
      await using it = await setUp({ fault: always({ kind: 'answer', status, body: 'oops\u001b[1m\n' }) });
      await assert.rejects(it.get(), {
        code: 'cache/transfer-failed',
        message: `unable to download '${it.rig.url}/file': HTTP error ${status}\n\nresponse body:\n\noops[1m`,
      });
      assert.equal(it.rig.requests.length, 5);
      assert.equal(it.pauses.length, 4);
      for (const [at, pause] of it.pauses.entries()) {
        assert.ok(pause >= 250 * 2 ** at && pause <= 250 * 2 ** (at + 0.5) + 1, String(it.pauses));
      }
      const warnings = it.reports.filter(({ kind }) => kind === 'log').map(report => JSON.stringify(report));
      assert.match(warnings[0] ?? '', /; retrying in [0-9]+ ms \(attempt 1\/5\)/);
    });
  }

  for (const status of [400, 405, 418, 501, 505, 511]) {
    test(`status ${status} is not tried again`, async () => {
      await using it = await setUp({ fault: always({ kind: 'answer', status, body: 'x'.repeat(2000) }) });
      await assert.rejects(it.read(), { message: `unable to download '${it.rig.url}/file': HTTP error ${status}` });
      assert.equal(it.rig.requests.length, 1);
    });
  }

  test('a server with too many requests is given time, or as much as it asks for', async () => {
    await using it = await setUp({ fault: once({ kind: 'answer', status: 429 }) });
    assert.deepEqual(await it.get(), contents);
    assert.ok((it.pauses[0] ?? 0) >= 60_000);
    await using told = await setUp({
      fault: once({ kind: 'answer', status: 429, headers: { 'retry-after': '7' } }),
    });
    assert.deepEqual(await told.get(), contents);
    assert.deepEqual(told.pauses, [7000]);
  });

  test('a download that breaks off goes on where it was', async () => {
    await using it = await setUp({ fault: once({ kind: 'truncate', after: 100_000 }) });
    assert.deepEqual(await it.read(), contents);
    assert.equal(it.rig.requests[1]?.headers.range, 'bytes=100000-');
    assert.equal(it.rig.requests[1]?.headers['accept-encoding'], undefined);
    assert.match(
      JSON.stringify(it.reports),
      /: HTTP error 200 \(curl error: Transferred a partial file\); retrying from offset 100000 in/,
    );
  });

  test('a small file that breaks off is fetched again', async () => {
    await using it = await setUp({ fault: once({ kind: 'truncate', after: 10 }) });
    assert.deepEqual(await it.get(), contents);
    assert.equal(it.rig.requests[1]?.headers.range, undefined);
  });

  test('what came of a small file that is not so small is not fetched again', async () => {
    await using it = await setUp({ fault: once({ kind: 'truncate', after: 100_000 }) });
    assert.deepEqual(Buffer.from((await it.get()) ?? []), contents);
    assert.equal(it.rig.requests[1]?.headers.range, 'bytes=100000-');
    await using plain = await setUp({
      fault: (_, count) => (count === 0 ? { kind: 'truncate', after: 100_000 } : { kind: 'whole' }),
    });
    assert.deepEqual(Buffer.from((await plain.get()) ?? []), contents);
  });

  test('a download that breaks off is given up where the server knows no parts', async () => {
    const half = { 'content-length': '300000' };
    await using it = await setUp({
      fault: (_, count) =>
        count === 0
          ? { kind: 'answer', status: 200, headers: half, body: contents.subarray(0, 100) }
          : { kind: 'whole' },
      stallTimeout: 0.2,
    });
    await assert.rejects(it.read(), {
      code: 'cache/transfer-failed',
      message: /: HTTP error 200 \(curl error: Timeout was reached\)$/,
    });
    assert.equal(it.rig.requests.length, 1);
  });

  test('a download that stalls goes on after the timeout', async () => {
    await using it = await setUp({ fault: once({ kind: 'stall', after: 1000 }), stallTimeout: 0.2 });
    assert.deepEqual(await it.read(), contents);
    assert.equal(it.rig.requests[1]?.headers.range, 'bytes=1000-');
  });

  test('a connection that is closed without a word is tried again', async () => {
    await using it = await setUp({ fault: once({ kind: 'reset' }) });
    assert.deepEqual(await it.get(), contents);
    await using worse = await setUp({ fault: always({ kind: 'reset' }), attempts: 2 });
    await assert.rejects(worse.get(), {
      message: `unable to download '${worse.rig.url}/file': Server returned nothing (no headers, no data) (52) Empty reply from server`,
    });
  });

  test('a server that is not there is an error after all attempts', async () => {
    await using it = await setUp();
    const url = it.rig.url;
    await it.rig[Symbol.asyncDispose]();
    await assert.rejects(it.get(), {
      code: 'cache/transfer-failed',
      message:
        /^unable to download '.*': Could not connect to server \(7\) Failed to connect to 127\.0\.0\.1:[0-9]+ after [0-9]+ ms: Connection refused$/,
    });
    assert.equal(it.pauses.length, 4);
    assert.match(url, /^http:/);
  });

  test('a host that has no address is asked for once more, without a warning', async () => {
    await using it = await setUp();
    // No resolver is asked for names with labels that are so long.
    const host = `${'a'.repeat(64)}.invalid`;
    await assert.rejects(it.get(`http://${host}/file`), {
      code: 'cache/transfer-failed',
      message: `unable to download 'http://${host}/file': Could not resolve hostname (6) Could not resolve host: ${host}`,
    });
    assert.equal(it.pauses.length, 1);
    const logs = it.reports.filter(({ kind }) => kind === 'log');
    assert.match(JSON.stringify(logs), /^\[\{[^{]*"level":"talkative"[^{]*\(attempt 1\/2\)[^{]*\}\]$/);
  });

  test('redirects are followed, but not for ever', async () => {
    await using it = await setUp({
      fault: ({ url }) =>
        url === '/there' ? { kind: 'answer', status: 302, headers: { location: '/file' } } : undefined,
    });
    assert.deepEqual(await it.get('there'), contents);
    await using loop = await setUp({ fault: always({ kind: 'answer', status: 301, headers: { location: '/file' } }) });
    await assert.rejects(loop.get(), {
      message: `unable to download '${loop.rig.url}/file': HTTP error 301 (curl error: Number of redirects hit maximum amount)`,
    });
    assert.equal(loop.rig.requests.length, 11);
  });

  test('aborting ends a download and a wait', async () => {
    await using it = await setUp({ fault: always({ kind: 'stall', after: 1000 }) });
    const stop = new AbortController();
    const reason = new Error('stop');
    const chunks = await it.transport.open('file', { signal: stop.signal });
    await assert.rejects(
      async () => {
        for await (const _ of chunks ?? []) stop.abort(reason);
      },
      error => error === reason,
    );
    const later = AbortSignal.timeout(50);
    await assert.rejects(it.transport.get('file', { limit: 1_000_000, signal: later }), { name: 'TimeoutError' });
  });

  test('a cache that fails is left alone for a while where others can do its work', async () => {
    await using it = await setUp({ fault: always({ kind: 'answer', status: 400 }), disablesItself: true });
    await assert.rejects(it.get(), { code: 'cache/transfer-failed' });
    await assert.rejects(it.get(), { code: 'cache/disabled', message: `substituter '${it.rig.url}' is disabled` });
    assert.equal(it.rig.requests.length, 1);
    assert.match(JSON.stringify(it.reports), /disabling binary cache '.*' for 60 seconds/);
  });

  test('an upload that is refused is an error', async () => {
    await using it = await setUp({ fault: always({ kind: 'answer', status: 403 }) });
    await assert.rejects(it.transport.put('x', { bytes: Buffer.alloc(9) }, { mimeType: 'text/plain' }), {
      message: `unable to upload '${it.rig.url}/x': HTTP error 403`,
    });
  });
});

describe('who asks over HTTP', () => {
  test('is told by the URL, else by the netrc file', async () => {
    await using it = await setUp({ account: 'me:se%20cret@' });
    await it.get();
    assert.equal(it.rig.requests[0]?.headers.authorization, `Basic ${btoa('me:se cret')}`);
    using folder = temporaryFolder();
    const netrcFile = join(folder.path, 'netrc');
    writeFileSync(netrcFile, 'machine other login a password b\nmachine 127.0.0.1\n\tlogin me\n\tpassword "x y"\n');
    await using netrc = await setUp({ netrcFile });
    await netrc.get();
    assert.equal(netrc.rig.requests[0]?.headers.authorization, `Basic ${btoa('me:x y')}`);
  });

  test('is not told to another server, and not shown', async () => {
    await using other = await setUp();
    await using it = await setUp({
      account: 'me:secret@',
      fault: always({ kind: 'answer', status: 302, headers: { location: `${other.rig.url}/absent` } }),
    });
    assert.equal(await it.get(), undefined);
    assert.equal(other.rig.requests[0]?.headers.authorization, undefined);
    await using broken = await setUp({ account: 'me:secret@', fault: always({ kind: 'answer', status: 400 }) });
    await assert.rejects(broken.get(), error => error instanceof Error && !error.message.includes('secret'));
  });

  test('servers prove who they are', async () => {
    using folder = temporaryFolder();
    const tls = makeCertificate(folder.path);
    await using it = await setUp({ tls, caFile: tls.certFile });
    assert.deepEqual(await it.get(), contents);
    await using stranger = await setUp({ tls, attempts: 1 });
    await assert.rejects(stranger.get(), {
      message: /SSL peer certificate or SSH remote key was not OK \(60\) SSL certificate problem/,
    });
    await using lost = await setUp({ tls, caFile: join(folder.path, 'absent') });
    await assert.rejects(lost.get(), { message: /Problem with the SSL CA cert \(path\? access rights\?\) \(77\)/ });
    assert.equal(lost.pauses.length, 0);
  });

  test('a proxy may ask instead', async () => {
    await using proxy = await setUp({
      fault: ({ url }) => (url.startsWith('http://') ? { kind: 'answer', status: 200, body: url } : undefined),
    });
    const variables = { http_proxy: proxy.rig.url };
    await using it = await setUp({ variables });
    assert.equal(Buffer.from((await it.get()) ?? '').toString(), `${it.rig.url}/file`);
    await using direct = await setUp({ variables: { ...variables, no_proxy: '127.0.0.1' } });
    assert.deepEqual(await direct.get(), contents);
  });
});

test('only so many requests are under way at a time', async () => {
  let open = 0;
  let most = 0;
  await using it = await setUp({ connections: 3 });
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const chunks = await it.transport.open('file');
      most = Math.max(most, ++open);
      for await (const _ of chunks ?? []);
      open--;
    }),
  );
  assert.ok(most <= 3, String(most));
});

test('paths in narinfos stay in the cache or name another server', () => {
  const base = new URL('https://example.org/cache');
  assert.equal(resolveUrl('nar/x.nar?hash=y', base).href, 'https://example.org/cache/nar/x.nar?hash=y');
  assert.equal(
    resolveUrl('realisations/sha256:a!out.doi', base).href,
    'https://example.org/cache/realisations/sha256:a!out.doi',
  );
  assert.equal(resolveUrl('https://other.org/x', base).href, 'https://other.org/x');
  for (const path of [
    '../x',
    'nar/../../x',
    'nar/%2e%2e/%2E./x',
    '/x',
    '//other.org/x',
    'file:///etc/passwd',
    'data:x',
  ])
    assert.throws(() => resolveUrl(path, base), { code: 'cache/bad-path' }, path);
});
