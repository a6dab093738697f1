import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { formatListenAddress, parseListenAddress } from './listen-address.ts';
import { readServeConfig } from './read-serve-config.ts';

function read(text: string, files: Readonly<Record<string, string>> = {}) {
  using folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, name), content);
  const path = join(folder.path, 'firn.toml');
  writeFileSync(path, text);
  return readServeConfig(path);
}

describe('firn.toml', () => {
  it('says everything that flags say, and more', () => {
    const config = read(
      `
instances = ["", "team"]
grpc = ["0.0.0.0:8980", "unix:/run/firn.sock"]
http = "[::1]:80"
anonymous = "read"
lease = 7200
drain = 5
max-size = 1000000000
[limits]
blob-size = 5000
connections = 7
[tls]
certificate = "cert.pem"
key = "key.pem"
[[token]]
file = "ci-token"
instances = ["team"]
rights = ["read", "write"]
[[token]]
token = "secret-of-somebody"
rights = ["read"]
[[certificate]]
name = "builder"
rights = ["read", "execute"]
`,
      { 'cert.pem': 'CERT', 'key.pem': 'KEY', 'ci-token': 'secret-of-ci\n' },
    );
    const tls = { certificate: Buffer.from('CERT'), key: Buffer.from('KEY') };
    assert.deepEqual(config.grpc, [
      { transport: 'tcp', host: '0.0.0.0', port: 8980, tls },
      { transport: 'unix', path: '/run/firn.sock' },
    ]);
    assert.deepEqual(config.http, [{ transport: 'tcp', host: '::1', port: 80, tls }]);
    assert.deepEqual(config.anonymous, ['read']);
    assert.equal(config.drain, 5000);
    assert.equal(config.maxBlobSize, 5000);
    assert.equal(config.server?.connections, 7);
    assert.deepEqual(config.tokens, [
      { token: 'secret-of-ci', instances: ['team'], rights: ['read', 'write'] },
      { token: 'secret-of-somebody', instances: '*', rights: ['read'] },
    ]);
    assert.deepEqual(config.certificates, [{ certificate: 'builder', instances: '*', rights: ['read', 'execute'] }]);
  });

  it('says what the binary cache is like', () => {
    const config = read('instances = ["", "team"]\n[nix-cache]\ncompression = "none"\nprivate = ["team"]');
    const expected = { compression: 'none', priority: 30, pullsThrough: false, privateInstances: ['team'] };
    assert.deepEqual(config.nixCache, expected);
    assert.throws(() => read('[nix-cache]\nprivate = ["team"]'), /names of instances, of which 'team' is none/);
  });

  it('says how actions are executed, and how long their results are kept', () => {
    const config = read(`
      [execution]
      slots = 3
      host-paths = []
      network = true
      max-timeout = 60
      [execution.platform]
      Pool = "default"
      GPU = ["none", "some"]
      [action-cache]
      max-age = 3600
    `);
    assert.deepEqual(
      config.execution?.platform,
      new Map([
        ['Pool', ['default']],
        ['GPU', ['none', 'some']],
      ]),
    );
    assert.equal(config.execution?.enabled, true);
    assert.equal(config.execution?.maxTimeout, 60_000);
    assert.deepEqual(config.execution?.hostPaths, []);
    assert.deepEqual(config.actionCache, { maxAge: 3600, maxSize: 32 * 2 ** 30 });
  });

  it('that says little leaves the rest as it is', () => {
    assert.deepEqual(Object.keys(read('lease = 60\n')).toSorted(), ['certificates', 'lease', 'server', 'tokens']);
  });

  it('is refused with a message that names the place', () => {
    const cases = {
      'leese = 1\n': /firn\.toml: nothing is called 'leese'/,
      'lease = "long"\n': /'lease' is not a whole number/,
      'anonymous = "all"\n': /'anonymous' is not one of none, read, write, execute/,
      'grpc = ["nowhere"]\n': /'nowhere' is no address/,
      '[[token]]\ntoken = "long-enough"\nrights = ["fly"]\n': /\[\[token\]\] number 1: 'rights' is not of read/,
      '[[token]]\ntoken = "short"\nrights = []\n': /'token' is not of 8 or more/,
      '[tls]\ncertificate = "absent.pem"\nkey = "k"\n': /cannot read '.*absent\.pem'/,
      '[limits]\nblobs = 1\n': /\[limits\]: nothing is called 'blobs'/,
      'lease = \n': /is no TOML/,
      '[execution]\nslots = 0\n': /\[execution\]: 'slots' is not 1 or more/,
      '[execution]\nhost-paths = ["usr"]\n': /'host-paths' is not a list of absolute paths: 'usr' is none/,
      '[execution.platform]\nPool = 1\n': /\[platform\]: 'Pool' is not a list of strings/,
    };
    for (const [text, message] of Object.entries(cases)) assert.throws(() => read(text), { message }, text);
  });
});

describe('addresses', () => {
  it('are written as they are read', () => {
    for (const text of ['127.0.0.1:0', 'host.example:65535', '[::1]:80', 'unix:/a/socket']) {
      assert.equal(formatListenAddress(parseListenAddress(text, 'here')), text);
    }
    for (const text of ['', 'host', ':1', 'host:65536', 'host:x', '::1:80', 'unix:relative']) {
      assert.throws(() => parseListenAddress(text, 'here'), { code: 'usage/bad-value' }, text);
    }
  });
});
