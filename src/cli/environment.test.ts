import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { userInfo } from 'node:os';
import { describe, test } from 'node:test';
import { NixCompatError } from '../nix-compat/index.ts';
import { temporaryFolder } from '../testing/index.ts';
import { Environment } from './environment.ts';

const of = (variables: Record<string, string>) =>
  new Environment({ HOME: '/nonexistent/home', ...variables }, () => {});
const isRoot = process.getuid?.() === 0;

describe('Environment', () => {
  test("has Nix's folders where nothing says otherwise", () => {
    const { storeDir, stateDir, logDir, confDir, systemConfFile } = of({ NIX_STATE_DIR: '' });
    assert.deepEqual(
      { storeDir, stateDir, logDir, confDir, systemConfFile },
      {
        storeDir: '/nix/store',
        stateDir: '/nix/var/nix',
        logDir: '/nix/var/log/nix',
        confDir: '/etc/nix',
        systemConfFile: '/etc/nix/nix.conf',
      },
    );
  });

  test('follows the variables, in canonical form', () => {
    const environment = of({ NIX_STORE_DIR: '/a//b/', NIX_CONF_DIR: '/c/../d', NIX_LOG_DIR: '/l', TMPDIR: '/t' });
    assert.equal(environment.storeDir, '/a/b');
    assert.equal(environment.systemConfFile, '/d/nix.conf');
    assert.equal(environment.logDir, '/l');
    assert.equal(environment.temporaryDir, '/t');
    assert.equal(of({ NIX_STORE: '/s' }).storeDir, '/s');
  });

  test('refuses relative folders', () => {
    assert.throws(
      () => of({ NIX_STORE_DIR: 'relative' }).storeDir,
      (error: unknown) => error instanceof NixCompatError && error.code === 'path/not-absolute',
    );
  });

  test('finds the data folder: --data, FIRN_DATA, NIX_STATE_DIR, the usual one', () => {
    const environment = of({ FIRN_DATA: '/firn', NIX_STATE_DIR: '/state' });
    assert.equal(environment.dataFolder, '/firn');
    environment.dataOverride = '/flag';
    assert.equal(environment.dataFolder, '/flag');
    assert.equal(of({ NIX_STATE_DIR: '/state' }).dataFolder, '/state');
    assert.equal(of({ XDG_DATA_HOME: '/x' }).dataFolder, isRoot ? '/var/lib/firn' : '/x/firn');
    assert.equal(of({}).dataFolder, isRoot ? '/var/lib/firn' : '/nonexistent/home/.local/share/firn');
  });

  test('lists the user configuration files, strongest first', () => {
    assert.deepEqual(of({ NIX_USER_CONF_FILES: '/a:/b' }).userConfFiles, ['/a', '/b']);
    assert.deepEqual(of({ XDG_CONFIG_HOME: '/c', XDG_CONFIG_DIRS: '/d:/e' }).userConfFiles, [
      '/c/nix/nix.conf',
      '/d/nix/nix.conf',
      '/e/nix/nix.conf',
    ]);
    assert.deepEqual(of({}).userConfFiles, ['/nonexistent/home/.config/nix/nix.conf', '/etc/xdg/nix/nix.conf']);
    assert.deepEqual(of({ NIX_CONFIG_HOME: '/n', XDG_CONFIG_DIRS: '' }).userConfFiles, ['/n/nix.conf']);
  });

  test('takes apart NIX_PATH, but not URLs', () => {
    assert.deepEqual(of({ NIX_PATH: '/a:nixpkgs=https://x/y.tar.gz:b=c' }).nixPath, [
      '/a',
      'nixpkgs=https://x/y.tar.gz',
      'b=c',
    ]);
    assert.equal(of({}).nixPath, undefined);
  });

  test('does not use a HOME that belongs to somebody else', { skip: !isRoot }, () => {
    using folder = temporaryFolder();
    const warnings: string[] = [];
    const environment = new Environment({ HOME: folder.path }, text => warnings.push(text));
    chownSync(folder.path, 12_345, 12_345);
    assert.equal(environment.home, userInfo().homedir);
    assert.equal(environment.home, userInfo().homedir);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^\$HOME \('.*'\) is not owned by you/);
    assert.equal(of({ HOME: '/proc/1' }).home, '/proc/1');
  });
});
