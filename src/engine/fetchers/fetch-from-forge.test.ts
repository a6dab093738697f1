import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import type { InputAttributes } from '../../eval/index.ts';
import {
  type HttpFault,
  HttpRig,
  type RecordedRequest,
  makeCertificate,
  temporaryFolder,
  testStoreContext,
} from '../../testing/index.ts';
import { fetchFromForge } from './fetch-from-forge.ts';
import type { FetchContext } from './fetch-tree.ts';
import { forges } from './forges.ts';

const rev = 'a'.repeat(40);

/** A service behind HTTPS that answers what `answers` says, and archives with a file. */
async function startService(answers: Readonly<Record<string, string>>, tokens = (_host: string) => '') {
  const folder = temporaryFolder();
  const certificate = makeCertificate(folder.path);
  mkdirSync(join(folder.path, 'in', 'repo-a'), { recursive: true });
  writeFileSync(join(folder.path, 'in', 'repo-a', 'file'), 'of the commit');
  const archive = execFileSync('tar', ['-C', join(folder.path, 'in'), '-czf', '-', '--mtime=@1000', 'repo-a']);
  const requests: RecordedRequest[] = [];
  const fault = (request: RecordedRequest): HttpFault => {
    requests.push(request);
    const answer = answers[request.url] ?? (request.url.includes(rev) ? archive : undefined);
    return {
      kind: 'answer',
      status: answer === undefined ? 404 : 200,
      ...(answer === undefined ? {} : { body: answer }),
    };
  };
  const server = await HttpRig.start({ folder: folder.path, fault, tls: certificate });
  const host = `127.0.0.1:${server.port}`;
  const settings = { 'access-tokens': tokens(host) };
  const context: FetchContext = {
    cacheFolder: join(folder.path, 'cache'),
    download: { ...testStoreContext({ settings }), access: { caFile: certificate.certFile } },
    downloads: () => assert.fail('archives are cached'),
    lifetime: 3600,
    warn: message => assert.fail(message),
    requireFeature: () => undefined,
    onDirty: () => assert.fail('an archive is never dirty'),
  };
  return {
    requests,
    host,
    fetch: (type: string, more: Readonly<Record<string, string>> = {}) => {
      const forge = forges.get(type) ?? assert.fail(type);
      const input: InputAttributes = new Map(Object.entries({ type, owner: 'owner', repo: 'repo', host, ...more }));
      return fetchFromForge(forge, { input, shown: `${type}:owner/repo` }, context);
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe('services that give out archives of commits', () => {
  const kinds: readonly (readonly [type: string, answers: Readonly<Record<string, string>>, archive: string])[] = [
    [
      'github',
      { '/api/v3/repos/owner/repo/commits/main': JSON.stringify({ sha: rev, commit: { tree: { sha: rev } } }) },
      `/api/v3/repos/owner/repo/tarball/${rev}`,
    ],
    [
      'gitlab',
      { '/api/v4/projects/owner%2Frepo/repository/commits?ref_name=main': JSON.stringify([{ id: rev }]) },
      `/api/v4/projects/owner%2Frepo/repository/archive.tar.gz?sha=${rev}`,
    ],
    [
      'sourcehut',
      { '/owner/repo/info/refs': `${'b'.repeat(40)}\trefs/heads/other\n${rev}\trefs/heads/main\n` },
      `/owner/repo/archive/${rev}.tar.gz`,
    ],
  ];
  for (const [type, answers, archive] of kinds) {
    test(`${type}: the commit of a branch, and its archive, each once`, async () => {
      await using service = await startService(answers);
      for (const more of [{ ref: 'main' }, { ref: 'main' }, { rev }]) {
        const { path, attributes } = await service.fetch(type, more);
        assert.equal(readFileSync(join(displayBytes(path), 'file'), 'utf8'), 'of the commit');
        assert.equal(attributes.get('rev'), rev);
        assert.equal(attributes.get('ref'), undefined);
        assert.equal(attributes.get('lastModified'), 1000n);
      }
      assert.deepEqual(
        service.requests.map(({ url }) => url),
        [...Object.keys(answers), archive],
      );
    });
  }

  test('are sent the token for the longest part of their address', async () => {
    const [, answers] = kinds[0] ?? assert.fail();
    await using plain = await startService(answers);
    await plain.fetch('github', { ref: 'main' });
    assert.equal(plain.requests[0]?.headers.authorization, undefined);
    const given = (host: string) => `${host}=a ${host}/owner=b ${host}/owner/re=c ${host}/other=d`;
    await using service = await startService(answers, given);
    await service.fetch('github', { ref: 'main' });
    assert.deepEqual(
      service.requests.map(({ headers }) => headers.authorization),
      ['token b', 'token b'],
    );
    const forge = forges.get('gitlab') ?? assert.fail();
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    assert.deepEqual(forge.authorize('PAT:x', warn), ['Private-token', 'x']);
    assert.deepEqual(forge.authorize('OAuth2:x', warn), ['Authorization', 'Bearer x']);
    assert.deepEqual(forge.authorize('Other:x', warn), ['Other', 'x']);
    assert.deepEqual(warnings, ['Unrecognized GitLab token type Other']);
  });

  test('say what they do not have', async () => {
    await using service = await startService({
      '/api/v4/projects/owner%2Frepo/repository/commits?ref_name=none': '[]',
      '/owner/repo/info/refs': '',
      '/owner/repo/HEAD': 'ref: refs/heads/main\n',
    });
    await assert.rejects(service.fetch('gitlab', { ref: 'none' }), /No commits returned by GitLab API/);
    await assert.rejects(service.fetch('sourcehut'), /in '.*sourcehut:owner\/repo.*', couldn't find ref '.*HEAD/);
    await assert.rejects(service.fetch('github'), /404/);
  });
});
