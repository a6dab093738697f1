import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePackageName } from './package-name.ts';

/** What `nix store diff-closures` of C++ Nix 2.34.8 makes of such names. */
const names: [text: string, name: string, version: string][] = [
  ['hello-2.12', 'hello', '2.12'],
  ['app-c-2024-01-01', 'app-c', '2024-01-01'],
  ['notes.txt', 'notes.txt', ''],
  ['lib-a-1.2.3.drv', 'lib-a', '1.2.3.drv'],
  ['trailing-', 'trailing-', ''],
  ['double--dash', 'double', '-dash'],
  ['-1', '', '1'],
];

for (const [text, name, version] of names) {
  test(`'${text}' is '${name}' in version '${version}'`, () => {
    assert.deepEqual(parsePackageName(text), { name, version });
  });
}
