import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText, silentReporter } from '../base/index.ts';
import { NixCompatError, Settings, parseStoreReference } from '../nix-compat/index.ts';
import { StoreError } from './error.ts';
import { type OpenStoreContext, openStore } from './open-store.ts';

function makeContext(warnings: string[] = []): OpenStoreContext {
  return {
    environment: {
      storeDir: '/nix/store',
      isStoreDirChosen: false,
      dataFolder: '/nonexistent/data',
      chosenStateDir: '/nonexistent/state',
      chosenLogDir: undefined,
      cacheFolder: '/proc/nonexistent/cache',
      daemonSocket: '/nonexistent/socket',
      sharedDataFolder: undefined,
      isRoot: false,
    },
    settings: new Settings({
      platform: 'linux',
      system: 'x86_64-linux',
      extraPlatforms: [],
      systemFeatures: [],
      cores: 1,
      isRoot: false,
      confDir: '/etc/nix',
      store: 'auto',
      sslCertFile: undefined,
      nixPath: [],
      sandboxShell: undefined,
      experimentalFeatures: new Set(),
    }),
    reporter: { ...silentReporter, warn: message => warnings.push(message) },
    requireFeature: feature => {
      throw new Error(feature);
    },
  };
}

const open = (uri: string, warnings?: string[]) =>
  openStore(parseStoreReference(byteStringFromText(uri), { workingDirectory: '/' }), makeContext(warnings));

describe('opening stores', () => {
  test('dummy stores have what their parameters say, and their URI in order', async () => {
    const warnings: string[] = [];
    await using store = await open('dummy://?trusted=yes&store=/a//store&x=y&priority=7&want-mass-query=1', warnings);
    const { uri, storeDir, priority, wantMassQuery, isTrusted } = store;
    assert.deepEqual([storeDir, priority, wantMassQuery, isTrusted], ['/a/store', 7, true, true]);
    assert.equal(uri, 'dummy://?priority=7&store=/a/store&trusted=true&want-mass-query=true');
    assert.deepEqual(warnings, ["unknown setting 'x'"]);
  });

  const refused: [uri: string, code: string, message: string][] = [
    ['foo:bar', 'store-uri/unknown-scheme', "don't know how to open Nix store with scheme 'foo'"],
    ['dummy://x', 'store-uri/malformed', '`dummy` store URIs must not contain an authority part x'],
    ['dummy://?trusted=zz', 'config/bad-value', "Boolean setting 'trusted' has invalid value 'zz'"],
    ['dummy://?priority=zz', 'config/bad-value', "setting 'priority' has invalid value 'zz'"],
    ['dummy://?store=foo', 'path/not-absolute', 'not an absolute path: "foo"'],
    ['local://foo', 'path/not-absolute', 'not an absolute path: "foo"'],
    ['local?root=foo', 'path/not-absolute', 'not an absolute path: "foo"'],
    ['local?require-sigs=maybe', 'config/bad-value', "Boolean setting 'require-sigs' has invalid value 'maybe'"],
    ['local-overlay://foo', 'path/not-absolute', 'not an absolute path: "foo"'],
    [
      'local-overlay:///nonexistent?lower-store=/nonexistent/lower&upper-layer=/nonexistent/upper',
      'store/mounted-incorrectly',
      'overlay filesystem "/nonexistent/nix/store" mounted incorrectly',
    ],
    [
      'local-overlay://?upper-layer=/nonexistent&lower-store=ssh-ng://localhost',
      'store/unsupported',
      "'ssh-ng://localhost' cannot be below another store, since its store directory is not on this machine",
    ],
    ['ssh://-x', 'store-uri/malformed', "invalid SSH authority: '-x': host name '-x' must not start with '-'"],
  ];
  for (const [uri, code, message] of refused) {
    test(`'${uri}' is refused`, async () => {
      await assert.rejects(open(uri), (error: unknown) => {
        assert.ok(error instanceof StoreError || error instanceof NixCompatError);
        assert.deepEqual([error.code, error.message], [code, message]);
        return true;
      });
    });
  }
});
