import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { realFileSystem } from '../../../castore/index.ts';
import { joinStorePath } from '../../../nix-compat/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { findLinkRoots } from './link-roots.ts';

const path = (letter: string) => joinStorePath(letter.repeat(32), 'x');
const inStore = (letter: string, rest = '') => `/nix/store/${path(letter)}${rest}`;

test('direct links, indirect ones and named files are roots; stale ones in auto are removed', () => {
  using folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('gcroots', 'auto'), { recursive: true });
  mkdirSync(at('gcroots', 'sub'));
  symlinkSync(inStore('a'), at('gcroots', 'direct'));
  symlinkSync(inStore('b', '/bin/sh'), at('gcroots', 'sub', 'below'));
  symlinkSync(inStore('c'), at('result'));
  symlinkSync(`/private${inStore('g')}`, at('private'));
  symlinkSync(at('private'), at('gcroots', 'auto', 'private'));
  symlinkSync(at('result'), at('gcroots', 'auto', 'indirect'));
  symlinkSync('../../result', at('gcroots', 'sub', 'relative'));
  writeFileSync(at('gcroots', path('d')), '');
  symlinkSync(inStore('z'), at('gcroots', 'invalid'));
  symlinkSync('/nix/store/no-store-path', at('gcroots', 'malformed'));
  symlinkSync(at('gone'), at('gcroots', 'auto', 'stale'));
  symlinkSync(at('gone'), at('gcroots', 'kept'));
  symlinkSync(at('gcroots'), at('gcroots', 'to-a-folder'));
  // A name of bytes that are not UTF-8 must not be lost: what it holds would be collected.
  symlinkSync(inStore('f'), Buffer.from(`${at('gcroots')}/\xff`, 'latin1'));
  const notices: string[] = [];
  const roots = findLinkRoots(at('gcroots'), {
    storeDirs: ['/nix/store', '/private/nix/store'],
    fileSystem: realFileSystem,
    isValid: candidate => candidate !== path('z'),
    notice: text => notices.push(text),
  });
  const found = roots.map(root => [root.path, root.holder.replace(folder.path, '')].join(' ')).toSorted();
  assert.deepEqual(found, [
    `${path('a')} /gcroots/direct`,
    `${path('b')} /gcroots/sub/below`,
    `${path('c')} /result`,
    `${path('c')} /result`,
    `${path('d')} /gcroots/${path('d')}`,
    `${path('f')} /gcroots/\ufffd`,
    `${path('g')} /private`,
  ]);
  assert.equal(notices.length, 2);
  assert.ok(notices.some(text => text.startsWith('skipping invalid root from "') && text.includes(path('z'))));
  assert.ok(notices.some(text => text.startsWith('removing stale link from "')));
  assert.ok(!existsSync(at('gcroots', 'auto', 'stale')));
  assert.deepEqual(
    findLinkRoots(at('absent'), { storeDirs: [], fileSystem: realFileSystem, isValid: () => true, notice: () => {} }),
    [],
  );
});

test('a link that is registered anew while its entry is taken for stale stays a root', () => {
  using folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('gcroots', 'auto'), { recursive: true });
  symlinkSync(at('result'), at('gcroots', 'auto', 'entry'));
  const fileSystem = {
    ...realFileSystem,
    rmSync: (entry: Parameters<typeof realFileSystem.rmSync>[0]) => {
      symlinkSync(inStore('a'), at('result'));
      realFileSystem.rmSync(entry);
    },
  };
  const options = { storeDirs: ['/nix/store'], isValid: () => true, notice: () => {} };
  assert.deepEqual(findLinkRoots(at('gcroots'), { ...options, fileSystem }), []);
  const found = findLinkRoots(at('gcroots'), { ...options, fileSystem: realFileSystem });
  assert.deepEqual(found, [{ path: path('a'), holder: at('result') }]);
});
