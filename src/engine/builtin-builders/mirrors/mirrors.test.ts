import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../../testing/index.ts';
import { parseSourceStanzas } from './apt-sources.ts';
import { Mirrors } from './mirrors.ts';
import { readNpmConfig } from './npm-config.ts';

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, contents] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
    if (contents.startsWith('#!')) chmodSync(path, 0o755);
  }
}

/** A machine whose npm and apt-config are scripts in `bin`. */
function machine(folder: string, variables: Record<string, string> = {}): Mirrors {
  mkdirSync(join(folder, 'project'), { recursive: true });
  return new Mirrors({
    variables: { PATH: join(folder, 'bin'), ...variables },
    home: folder,
    workingFolder: join(folder, 'project'),
  });
}

describe('mirror://npm', () => {
  test('has scopes, credentials and proxies from where npm has them', async () => {
    using folder = temporaryFolder();
    write(folder.path, {
      '.npmrc': `
; a comment
registry = https://registry.example/npm/
@acme:registry=https://acme.example/
//acme.example/:_authToken = \${TOKEN}
//registry.example/npm/:username=me
//registry.example/npm/:_password=c2VjcmV0
https-proxy=http://proxy.example:8080
cafile="/etc/my ca.pem"
`,
    });
    const mirrors = machine(folder.path, { TOKEN: 'abc' });
    const [plain] = await mirrors.places('mirror://npm/preact/-/preact-1.0.0.tgz');
    assert.equal(plain?.url.href, 'https://registry.example/npm/preact/-/preact-1.0.0.tgz');
    assert.equal(plain.access?.authorization, `Basic ${Buffer.from('me:secret').toString('base64')}`);
    assert.deepEqual(plain.access.proxies, { https_proxy: 'http://proxy.example:8080' });
    assert.equal(plain.access.caFile, '/etc/my ca.pem');
    const [scoped] = await mirrors.places('mirror://npm/@acme/tool/-/tool-1.0.0.tgz');
    assert.equal(scoped?.url.href, 'https://acme.example/@acme/tool/-/tool-1.0.0.tgz');
    assert.equal(scoped.access?.authorization, 'Bearer abc');
  });

  test('the environment wins over the project, that over the user, that over the installation', () => {
    using folder = temporaryFolder();
    write(folder.path, {
      'prefix/etc/npmrc': 'a=global\nb=global\nc=global\nd=global',
      '.npmrc': `prefix=${folder.path}/prefix\nb=user\nc=user\nd=user`,
      'project/package.json': '{}',
      'project/.npmrc': 'c=project\nd=project',
      'project/src/x': '',
    });
    const config = readNpmConfig({
      variables: { npm_config_d: 'environment', NPM_CONFIG_SOME_KEY: 'x' },
      home: folder.path,
      workingFolder: join(folder.path, 'project', 'src'),
    });
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'some-key'].map(key => config.get(key)),
      ['global', 'user', 'project', 'environment', 'x'],
    );
  });

  test('asks npm where nobody names a registry', async () => {
    using folder = temporaryFolder();
    write(folder.path, { 'bin/npm': '#!/bin/sh\n[ "$*" = "config get registry" ] && echo https://default.example/\n' });
    const [place] = await machine(folder.path).places('mirror://npm/a/-/a-1.tgz');
    assert.equal(place?.url.href, 'https://default.example/a/-/a-1.tgz');
  });
});

describe('mirror://debian', () => {
  const aptConfig = (folder: string, more = '') => `#!/bin/sh
echo 'Dir "/";'
echo 'Dir::Etc "${folder.slice(1)}/etc/apt";'
echo 'Dir::Etc::sourcelist "sources.list";'
echo 'Dir::Etc::sourceparts "sources.list.d";'
echo 'Dir::State "${folder.slice(1)}/state";'
echo 'Dir::State::lists "lists/";'
${more}
`;

  test('has archives of Debian’s from both forms of sources, and apt’s proxies', async () => {
    using folder = temporaryFolder();
    write(folder.path, {
      'bin/apt-config': aptConfig(folder.path, `echo 'Acquire::http::Proxy "http://proxy.example:3142";'`),
      'etc/apt/sources.list': `# deb http://off.example/debian stable main
deb [arch=amd64 signed-by=/usr/share/keyrings/other.gpg] http://other.example/debian stable main
deb http://one.example/debian stable main contrib # comment
`,
      'etc/apt/sources.list.d/debian.sources': `Types: deb deb-src
# a comment
URIs: http://two.example/remote/
 http://three.example/debian-security
Suites: stable
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.example/debian
Suites: stable
Components: main
Enabled: no
`,
      'etc/apt/sources.list.d/mirrors.list': `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.pgp] mirror+file:${folder.path}/list stable main`,
      'etc/apt/sources.list.d/not-a-source': 'deb http://off.example/debian stable main',
      list: 'http://four.example/debian priority:1\n',
      'state/lists/foreign.example_debian_dists_stable_InRelease': 'Origin: Foreign\n',
      'etc/apt/sources.list.d/foreign.list': 'deb http://foreign.example/debian stable main',
    });
    const places = await machine(folder.path).places('mirror://debian/pool/main/h/hello/hello_1_amd64.deb');
    const archives = [
      'one.example/debian',
      'two.example/remote',
      'three.example/debian-security',
      'four.example/debian',
    ];
    assert.deepEqual(
      places.map(({ url }) => url.href).toSorted(),
      archives.map(archive => `http://${archive}/pool/main/h/hello/hello_1_amd64.deb`).toSorted(),
    );
    for (const { access } of places) assert.equal(access?.proxies?.['http_proxy'], 'http://proxy.example:3142');
  });

  test('asks the program that finds proxies, and knows of hosts without one', async () => {
    using folder = temporaryFolder();
    const more = `echo 'Acquire::http::Proxy-Auto-Detect "${folder.path}/bin/detect";'
echo 'Acquire::http::Proxy::two.example "DIRECT";'`;
    write(folder.path, {
      'bin/apt-config': aptConfig(folder.path, more),
      'bin/detect': '#!/bin/sh\necho "http://found.example/"\n',
      'etc/apt/sources.list': 'deb http://one.example/debian s main\ndeb http://two.example/debian s main\n',
    });
    const places = await machine(folder.path).places('mirror://debian/x');
    assert.deepEqual(
      places.map(({ access }) => access?.proxies),
      [{ http_proxy: 'http://found.example/', https_proxy: 'http://found.example/' }, {}],
    );
  });

  test('reads stanzas with keys in them', () => {
    const [source, ...others] = parseSourceStanzas(`Types: deb
URIs: http://one.example/debian
Suites: a b
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
`);
    assert.equal(others.length, 0);
    assert.deepEqual(source?.suites, ['a', 'b']);
    assert.match(source?.signedBy ?? '', /^-----BEGIN/);
  });
});

describe('other mirrors', () => {
  test('are where the configuration says, and those of `*` come last', async () => {
    const mirrors = new Mirrors({
      variables: {},
      home: '/nonexistent',
      workingFolder: '/nonexistent',
      configured: () =>
        new Map([
          ['gnu', ['https://a.example/gnu', 'https://b.example/']],
          ['*', ['https://all.example/mirrors/']],
        ]),
    });
    const hrefs = async (url: string) => (await mirrors.places(url)).map(({ url: { href } }) => href);
    assert.deepEqual(await hrefs('mirror://gnu/hello/hello-1.tar.gz'), [
      'https://a.example/gnu/hello/hello-1.tar.gz',
      'https://b.example/hello/hello-1.tar.gz',
      'https://all.example/mirrors/gnu/hello/hello-1.tar.gz',
    ]);
    assert.deepEqual(await hrefs('mirror://npm/a'), ['https://all.example/mirrors/npm/a']);
    await assert.rejects(mirrors.places('mirror://gnu'), { code: 'mirror/bad-url' });
  });

  test('that nobody knows are refused with the way out', async () => {
    await assert.rejects(new Mirrors({ variables: {}, home: '/', workingFolder: '/' }).places('mirror://gnu/x'), {
      code: 'mirror/unknown',
      message: /set it in firn\.toml: \[mirrors\] gnu = /,
    });
  });
});
