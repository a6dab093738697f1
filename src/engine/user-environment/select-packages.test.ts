import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { type SelectablePackage, selectPackages } from './select-packages.ts';

function offered(name: string, { system = 'x86_64-linux', priority = 0n } = {}): SelectablePackage {
  return { name: byteStringFromText(name), system: () => byteStringFromText(system), priority: () => priority };
}

function choose(packages: readonly SelectablePackage[], selectors: readonly string[], newestOnly = true) {
  const warnings: string[] = [];
  const options = { newestOnly, system: 'x86_64-linux', warn: (message: string) => void warnings.push(message) };
  const chosen = selectPackages(packages, selectors.map(byteStringFromText), options);
  return { names: chosen.map(({ name }) => displayBytes(name)), chosen, warnings };
}

describe('selecting packages', () => {
  const all = ['foo-1.0', 'foo-2.0pre1', 'foo-2.0', 'bar-0.1', 'foo-bar-1'].map(name => offered(name));

  test('takes names for expressions, and versions as they are', () => {
    assert.deepEqual(choose(all, ['foo.*']).names, ['foo-2.0', 'foo-bar-1']);
    assert.deepEqual(choose(all, ['foo-1.0', 'bar']).names, ['foo-1.0', 'bar-0.1']);
    assert.deepEqual(choose(all, [], false).names.length, 5);
  });

  test('prefers this system, then the higher priority, then the higher version', () => {
    const other = offered('a-9', { system: 'i686-linux' });
    const low = offered('a-3', { priority: 7n });
    assert.deepEqual(choose([other, low, offered('a-1'), offered('a-2')], ['a']).names, ['a-2']);
    assert.deepEqual(choose([low, other], ['a']).names, ['a-3']);
  });

  test('takes the first of those that nothing tells apart, and says so where they have no version', () => {
    const [first, second] = [offered('same'), offered('same')];
    const { chosen, warnings } = choose([first, second], ['same']);
    assert.equal(chosen[0], first);
    assert.deepEqual(warnings, ["there are multiple derivations named 'same'; using the first one"]);
  });

  test('refuses names that nothing has, with those that begin so', () => {
    const refuses = (selector: string, message: string) =>
      assert.throws(() => choose(all, [selector]), { code: 'environment/no-match', message });
    refuses('fo', "selector 'fo' matches no derivations, maybe you meant:\nfoo\nfoo-bar");
    refuses('x', "selector 'x' matches no derivations");
    assert.deepEqual(choose([], ['*']).names, []);
  });
});
