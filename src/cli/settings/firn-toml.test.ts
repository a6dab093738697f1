import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { Environment } from '../environment.ts';
import { readMirrors } from './firn-toml.ts';

function read(text: string) {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'firn'));
  writeFileSync(join(folder.path, 'firn', 'firn.toml'), text);
  return readMirrors(new Environment({ HOME: folder.path, XDG_CONFIG_HOME: folder.path }, () => {}));
}

describe('firn.toml', () => {
  test('says where mirrors are', () => {
    const mirrors = read('[mirrors]\ngnu = ["https://a.example/", "https://b.example/"]\n"*" = "https://c.example/"\n');
    assert.deepEqual(
      [...mirrors],
      [
        ['gnu', ['https://a.example/', 'https://b.example/']],
        ['*', ['https://c.example/']],
      ],
    );
  });

  test('need not be there, nor say anything of mirrors', () => {
    assert.equal(read('[other]\nx = 1\n').size, 0);
    assert.equal(readMirrors(new Environment({ FIRN_CONFIG: '/nonexistent/firn.toml' }, () => {})).size, 0);
  });

  test('is refused by name where it is malformed', () => {
    for (const text of ['[mirrors', 'mirrors = 1', '[mirrors]\ngnu = 1', '[mirrors]\ngnu = ["nonsense"]']) {
      assert.throws(() => read(text), { code: 'config/malformed', message: /^cannot use '.*firn\.toml': / });
    }
  });
});
