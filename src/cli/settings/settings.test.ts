import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { NixCompatError } from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { Environment } from '../environment.ts';
import { CliError } from '../error.ts';
import { hostEnvironment } from './host.ts';
import { InvocationSettings } from './invocation-settings.ts';
import { loadSettings } from './load-settings.ts';
import { settingFlags } from './setting-flags.ts';

function settingsOf(variables: Record<string, string>): { settings: InvocationSettings; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  const environment = new Environment({ NIX_CONF_DIR: '/nonexistent', NIX_USER_CONF_FILES: '', ...variables }, warn);
  const settings = new InvocationSettings(hostEnvironment(environment), warn);
  loadSettings(settings, environment);
  return { settings, warnings };
}

describe('experimental features', () => {
  test('are all enabled where nobody chooses', () => {
    assert.ok(settingsOf({}).settings.isEnabled('recursive-nix'));
  });

  for (const text of ['experimental-features = nix-command', 'extra-experimental-features = nix-command']) {
    test(`are those of '${text}' alone`, () => {
      const { settings } = settingsOf({ NIX_CONFIG: text });
      settings.require('nix-command');
      assert.throws(
        () => settings.require('flakes'),
        (error: unknown) =>
          error instanceof CliError &&
          error.message ===
            "experimental Nix feature 'flakes' is disabled; add '--extra-experimental-features flakes' to enable it",
      );
    });
  }

  test('decide whether a setting counts', () => {
    const { settings, warnings } = settingsOf({ NIX_CONFIG: 'experimental-features =\nflake-registry = x' });
    assert.notEqual(settings.get('flake-registry'), 'x');
    assert.deepEqual(warnings, [
      "Ignoring setting 'flake-registry' because experimental feature 'flakes' is not enabled",
    ]);
  });
});

describe('sources of settings', () => {
  test('override each other: system, user files from the last to the first, NIX_CONFIG', () => {
    using folder = temporaryFolder();
    mkdirSync(`${folder.path}/etc`);
    writeFileSync(`${folder.path}/etc/nix.conf`, 'cores = 1\nlog-lines = 1\ntimeout = 1\nmax-jobs = 1\n');
    writeFileSync(`${folder.path}/weak.conf`, 'log-lines = 2\ntimeout = 2\nmax-jobs = 2\n');
    writeFileSync(`${folder.path}/strong.conf`, 'timeout = 3\nmax-jobs = 3\n');
    const { settings } = settingsOf({
      NIX_CONF_DIR: `${folder.path}/etc`,
      NIX_USER_CONF_FILES: `${folder.path}/strong.conf:${folder.path}/weak.conf`,
      NIX_CONFIG: 'max-jobs = 4',
    });
    const values = [
      settings.get('cores'),
      settings.get('log-lines'),
      settings.get('timeout'),
      settings.get('max-jobs'),
    ];
    assert.deepEqual(values, [1, 2n, 3n, 4]);
  });

  test('include others, and leave out files that cannot be read', () => {
    using folder = temporaryFolder();
    writeFileSync(`${folder.path}/nix.conf`, `include more.conf\n!include missing.conf\ninclude ${folder.path}\n`);
    writeFileSync(`${folder.path}/more.conf`, 'cores = 7\n');
    assert.equal(settingsOf({ NIX_CONF_DIR: folder.path }).settings.get('cores'), 7);
  });

  test('are refused where they make no sense', () => {
    const refuses = (text: string, code: string) =>
      assert.throws(
        () => settingsOf({ NIX_CONFIG: text }),
        (error: unknown) => error instanceof NixCompatError && error.code === code,
      );
    refuses('cores', 'config/syntax');
    refuses('cores = x', 'config/bad-value');
    refuses('include /nonexistent/nix.conf', 'config/include-not-found');
  });

  test('are reported once when unknown, at the end', () => {
    const { settings, warnings } = settingsOf({ NIX_CONFIG: 'zzz = 1\nfoo = 1\nfoo = 2' });
    settings.assign('bar', '');
    assert.deepEqual(warnings, []);
    settings.warnUnknown();
    settings.warnUnknown();
    assert.deepEqual(warnings, ["unknown setting 'bar'", "unknown setting 'foo'", "unknown setting 'zzz'"]);
  });

  test('leave nix-path to NIX_PATH', () => {
    const config = { NIX_CONFIG: 'nix-path = /config' };
    assert.deepEqual(settingsOf(config).settings.get('nix-path'), ['/config']);
    assert.deepEqual(settingsOf({ ...config, NIX_PATH: '/a:/b' }).settings.get('nix-path'), ['/a', '/b']);
  });
});

describe('flags of settings', () => {
  const apply = (settings: InvocationSettings, spelling: string, value = ''): void => {
    const flag = settingFlags(settings)(spelling);
    assert.ok(flag !== undefined, spelling);
    flag.apply(byteStringFromText(value));
  };

  test('set switches, values and lists', () => {
    const { settings } = settingsOf({ NIX_CONFIG: 'substituters = a' });
    apply(settings, '--keep-going');
    apply(settings, '--no-substitute');
    apply(settings, '--relaxed-sandbox');
    apply(settings, '--cores', '5');
    apply(settings, '--extra-substituters', 'b c');
    apply(settings, '--build-timeout', '9');
    assert.equal(settings.get('keep-going'), true);
    assert.equal(settings.get('substitute'), false);
    assert.equal(settings.get('sandbox'), 'relaxed');
    assert.equal(settings.get('cores'), 5);
    assert.deepEqual(settings.get('substituters'), ['a', 'b', 'c']);
    assert.equal(settings.get('timeout'), 9n);
    apply(settings, '--no-sandbox');
    assert.equal(settings.get('sandbox'), 'false');
  });

  test('are none where the setting is of another kind', () => {
    const find = settingFlags(settingsOf({}).settings);
    for (const spelling of ['--no-cores', '--extra-cores', '--relaxed-keep-going', '--bogus', 'cores', '-c', '--']) {
      assert.equal(find(spelling), undefined, spelling);
    }
    assert.equal(find('--extra-platforms')?.labels.length, 1);
    assert.equal(find('--accept-flake-config')?.feature, 'flakes');
  });
});
