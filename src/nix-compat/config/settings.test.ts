import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatJson } from '../json/format-json.ts';
import { formatConfigWarning } from './config-warning.ts';
import { experimentalFeatures } from './experimental-features.ts';
import { parseNixConf } from './nix-conf.ts';
import { type SettingName, type SettingsEnvironment } from './nix-settings.ts';
import { Settings } from './settings.ts';

const environment: SettingsEnvironment = {
  platform: 'linux',
  system: 'x86_64-linux',
  extraPlatforms: ['i686-linux', 'x86_64-v1-linux', 'x86_64-v2-linux', 'x86_64-v3-linux', 'x86_64-v4-linux'],
  systemFeatures: ['benchmark', 'big-parallel', 'kvm', 'nixos-test', 'uid-range'],
  cores: 2,
  isRoot: true,
  confDir: '/etc/nix',
  store: 'auto',
  sslCertFile: '/etc/ssl/certs/ca-certificates.crt',
  nixPath: [],
  sandboxShell: '/usr/bin/bash-static',
  experimentalFeatures: new Set(),
};

function apply(settings: Settings, text: string): string[] {
  return settings.apply(parseNixConf(text, '/nix.conf', () => undefined)).map(formatConfigWarning);
}

/** The value of `name` after `text`, as it is shown. */
function shown(text: string, name: SettingName): string {
  const settings = new Settings(environment);
  assert.deepEqual(apply(settings, text), []);
  return settings.format(name);
}

const vector = readFileSync(new URL('../../../test/vectors/config/defaults.conf', import.meta.url), 'utf8');
const features = 'experimental-features = auto-allocate-uids configurable-impure-env fetch-tree flakes nix-command';

describe('settings', () => {
  test('have the names and defaults of Nix 2.34', () => {
    const settings = new Settings(environment);
    apply(settings, features);
    const lines = settings.names().map(name => `${name} = ${settings.format(name)}`);
    assert.deepEqual(
      lines,
      vector.split('\n').filter(line => line !== '' && !line.startsWith('#')),
    );
  });

  test('are found by name and alias', () => {
    const settings = new Settings(environment);
    assert.deepEqual(settings.find('build-use-substitutes'), {
      name: 'substitute',
      feature: undefined,
      isAppendable: false,
      isBoolean: true,
    });
    assert.equal(settings.find('flake-registry')?.feature, 'flakes');
    assert.equal(settings.find('substituters')?.isAppendable, true);
    assert.equal(settings.find('extra-substituters'), undefined);
  });

  test('what is shown can be read', () => {
    const settings = new Settings({ ...environment, cores: 77, store: 'other', platform: 'darwin', isRoot: false });
    assert.deepEqual(apply(settings, vector), [
      "'warn-short-path-literals' is deprecated, use 'lint-short-path-literals = ignore' instead",
    ]);
    for (const name of settings.names()) assert.ok(vector.includes(`\n${name} = ${settings.format(name)}\n`), name);
  });

  // Shown by `nix config show` of Nix 2.34.8.
  const values: readonly (readonly [string, SettingName, string])[] = [
    ['access-tokens = b=1 a=2 junk b=3', 'access-tokens', ' a=2 b=1'],
    ['access-tokens = b=1\nextra-access-tokens = b=2 c=3', 'access-tokens', ' b=1 c=3'],
    ['max-free = 2T', 'max-free', '2199023255552'],
    ['max-jobs = auto', 'max-jobs', '2'],
    ['keep-going = yes', 'keep-going', 'true'],
    ['keep-going = 0', 'keep-going', 'false'],
    [
      'extra-substituters = https://a.b/c https://d',
      'substituters',
      'https://cache.nixos.org/ https://a.b/c https://d',
    ],
    ['extra-system-features = zz aa', 'system-features', 'aa benchmark big-parallel kvm nixos-test uid-range zz'],
    ['binary-caches = x://y\nextra-binary-caches = z://u # c', 'substituters', 'x://y z://u'],
    ['sandbox-paths = /a=/b? /c /d=/d /e?\nextra-sandbox-paths = /a=/z', 'sandbox-paths', '/a=/b? /c /d /e?'],
    ['build-use-sandbox = relaxed', 'sandbox', 'relaxed'],
    ['timeout = -5', 'timeout', '-5'],
    ['timeout = +5', 'timeout', '5'],
    ['gc-reserved-space = 08', 'gc-reserved-space', '8'],
    ['allowed-users = b a b', 'allowed-users', 'b a b'],
    ['ignored-acls = b a b', 'ignored-acls', 'a b'],
    ['user-agent-suffix = a   b', 'user-agent-suffix', 'a b'],
    ['user-agent-suffix =', 'user-agent-suffix', ''],
    ['netrc-file = /a/../b//', 'netrc-file', '/b'],
    ['build-dir = /x', 'build-dir', '/x'],
    ['ssl-cert-file =', 'ssl-cert-file', ''],
    ['cores = 3\ncores = 4K', 'cores', '4096'],
    ['lint-url-literals = fatal', 'lint-url-literals', 'fatal'],
    [
      'external-builders = [{"systems":["a"],"program":"p","args":[]}]',
      'external-builders',
      '[{"args":[],"program":"p","systems":["a"]}]',
    ],
    ['experimental-features = flakes', 'experimental-features', 'fetch-tree flakes'],
    ['accept-flake-config = true\nexperimental-features = flakes', 'accept-flake-config', 'true'],
  ];
  for (const [text, name, value] of values) {
    test(`${JSON.stringify(text)} is shown as '${value}'`, () => assert.equal(shown(text, name), value));
  }

  const warnings = [
    ['foo = bar', "unknown setting 'foo'"],
    ['extra-cores = 1', "unknown setting 'extra-cores'"],
    ['extra-plugin-files = x', "unknown setting 'extra-plugin-files'"],
    ['toString = 1', "unknown setting 'toString'"],
    ['__proto__ = 1', "unknown setting '__proto__'"],
    [
      'accept-flake-config = true',
      "Ignoring setting 'accept-flake-config' because experimental feature 'flakes' is not enabled",
    ],
    ['experimental-features = nope', "unknown experimental feature 'nope'"],
    [
      'experimental-features = no-url-literals',
      "experimental feature 'no-url-literals' has been stabilized and renamed; use 'lint-url-literals = fatal' setting instead",
    ],
    [
      'warn-short-path-literals = true',
      "'warn-short-path-literals' is deprecated, use 'lint-short-path-literals = warn' instead",
    ],
  ] as const;
  for (const [text, warning] of warnings) {
    test(`${JSON.stringify(text)} warns`, () => assert.deepEqual(apply(new Settings(environment), text), [warning]));
  }

  test('a former setting sets its successor, which prevails', () => {
    const settings = new Settings(environment);
    apply(settings, 'warn-short-path-literals = true');
    assert.equal(settings.get('lint-short-path-literals'), 'warn');
    apply(settings, 'lint-short-path-literals = fatal\nwarn-short-path-literals = false');
    assert.equal(settings.get('lint-short-path-literals'), 'fatal');
  });

  // Wording of Nix 2.34.8, with the place appended.
  const refused = [
    ['sandbox = maybe', "option 'sandbox' has invalid value 'maybe'"],
    ['keep-going = maybe', "Boolean setting 'keep-going' has invalid value 'maybe'"],
    ['keep-going =', "Boolean setting 'keep-going' has invalid value ''"],
    ['cores = 4x', "setting 'cores' has invalid value '4x'"],
    ['cores = -1', "setting 'cores' has invalid value '-1'"],
    ['cores =', "setting 'cores' has invalid value ''"],
    // C++ Nix takes this for 1073741824.
    ['cores = 5G', "setting 'cores' has invalid value '5G'"],
    ['min-free = 99999999999999999999', "setting 'min-free' has invalid value '99999999999999999999'"],
    ['max-jobs = 4K', "configuration setting 'max-jobs' should be 'auto' or an integer"],
    ['netrc-file =', "setting 'netrc-file' is a path and paths cannot be empty"],
    ['eval-profile-file =', "setting 'eval-profile-file' is a path and paths cannot be empty"],
    ['eval-profiler = foo', "option 'eval-profiler' has invalid value 'foo'"],
    [
      'lint-url-literals = foo',
      "option 'lint-url-literals' has invalid value 'foo' (expected 'ignore', 'warn', or 'fatal')",
    ],
    [
      'external-builders = [1]',
      "parsing setting 'external-builders': Expected JSON value to be of type 'object' but it is of type 'number': 1",
    ],
  ] as const;
  for (const [text, message] of refused) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => apply(new Settings(environment), `\n${text}`), {
        code: 'config/bad-value',
        message: `${message} (line 2 of /nix.conf)`,
      });
    });
  }

  test('refuses a relative path', () => {
    assert.throws(() => apply(new Settings(environment), 'netrc-file = relative'), {
      code: 'path/not-absolute',
      message: 'not an absolute path: "relative" (line 1 of /nix.conf)',
    });
  });

  test('features that nobody named are in force until somebody names some', () => {
    const settings = new Settings({ ...environment, experimentalFeatures: new Set(experimentalFeatures) });
    assert.ok(settings.isEnabled('flakes'));
    apply(settings, 'extra-experimental-features = nix-command');
    assert.ok(settings.isEnabled('nix-command'));
    assert.equal(settings.isEnabled('flakes'), false);
    apply(settings, 'extra-experimental-features = ca-derivations');
    assert.equal(settings.format('experimental-features'), 'ca-derivations nix-command');
  });

  test('know where they come from and what was overridden', () => {
    const settings = new Settings(environment);
    apply(settings, '\ncores = 3\nbuild-max-jobs = 4');
    settings.forgetOverrides();
    settings.set({ name: 'cores', value: '5', origin: { source: 'command line' } });
    assert.deepEqual(settings.originOf('cores'), { source: 'command line' });
    assert.deepEqual(settings.originOf('max-jobs'), { source: '/nix.conf', line: 3 });
    assert.equal(settings.originOf('keep-going'), undefined);
    assert.deepEqual([...settings.overridden], ['cores']);
  });

  test('are shown as JSON', () => {
    const settings = new Settings(environment);
    apply(settings, 'sandbox-paths = /a=/b?\nmax-free = 1');
    const json = settings.toJson();
    const of = (name: string) => displayBytes(formatJson(json.get(byteStringFromText(name)) ?? null));
    assert.equal(
      of('max-free'),
      '{"aliases":[],"defaultValue":9223372036854775807,"documentDefault":true,"experimentalFeature":null,"value":1}',
    );
    assert.equal(
      of('sandbox-paths'),
      '{"aliases":["build-chroot-dirs","build-sandbox-paths"],' +
        '"defaultValue":{"/bin/sh":{"optional":false,"source":"/usr/bin/bash-static"}},' +
        '"documentDefault":true,"experimentalFeature":null,"value":{"/a":{"optional":true,"source":"/b"}}}',
    );
    assert.ok(of('builders').includes('"documentDefault":false'));
    assert.ok(of('sandbox').includes('"value":true'));
    assert.ok(of('build-dir').includes('"value":null'));
    assert.ok(of('commit-lock-file-summary').includes('"experimentalFeature":"flakes"'));
  });

  test('any value is taken or refused with a code', () => {
    const names = new Settings({ ...environment, experimentalFeatures: new Set(experimentalFeatures) }).names();
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('true', '12', '-1', '1T', 'a=b /c? d', '[', '[{}]', 'auto', '/x'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.boolean(), value, (name, extra, text) => {
        const settings = new Settings(environment);
        try {
          settings.set({ name: extra ? `extra-${name}` : name, value: text, origin: { source: 'test' } });
          settings.format(name);
          formatJson(settings.toJson());
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
