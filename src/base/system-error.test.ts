import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { systemErrorText } from './system-error.ts';

describe('systemErrorText', () => {
  test("says what strerror(3) says for Node's errors", () => {
    assert.throws(
      () => readFileSync('/nonexistent/file'),
      (error: unknown) => systemErrorText(error) === 'No such file or directory',
    );
  });

  test('knows numbers that Node has no names for', { skip: process.platform !== 'linux' }, () => {
    const stale = Object.assign(new Error('unlink'), { errno: -116, code: 'Unknown system error -116' });
    assert.equal(systemErrorText(stale), 'Stale file handle');
    const unknown = Object.assign(new Error('unlink'), { errno: -999, code: 'Unknown system error -999' });
    assert.equal(systemErrorText(unknown), 'unlink');
  });

  test('falls back to the message', () => {
    assert.equal(systemErrorText(new Error('no system call')), 'no system call');
    assert.equal(systemErrorText('text'), 'text');
  });
});
