import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { isStaticProgram } from './sandbox-shell.ts';

/** The header of a 64-bit little-endian ELF file with program headers of these types. */
function elf(types: readonly number[]): Buffer {
  const file = Buffer.alloc(64 + 56 * types.length);
  file.write('\u007fELF\u0002\u0001\u0001', 'latin1');
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(types.length, 56);
  for (const [at, type] of types.entries()) file.writeUInt32LE(type, 64 + 56 * at);
  return file;
}

test('programs that name a dynamic linker, and what is no program, are not static', () => {
  using folder = temporaryFolder();
  const judge = (contents: Uint8Array | string) => {
    const path = join(folder.path, 'program');
    writeFileSync(path, contents);
    return isStaticProgram(path);
  };
  assert.equal(judge(elf([1, 1, 4])), true);
  assert.equal(judge(elf([6, 3, 1])), false);
  assert.equal(judge(elf([1]).subarray(0, 80)), false);
  assert.equal(judge('#!/bin/sh\n'), false);
  assert.equal(isStaticProgram(join(folder.path, 'absent')), false);
  assert.equal(isStaticProgram(folder.path), false);
  assert.equal(isStaticProgram(process.execPath), false);
});
