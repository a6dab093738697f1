import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../base/index.ts';
import { temporaryFolder } from '../testing/index.ts';
import { CliError } from './error.ts';
import { readChunks, readChunksAhead, withOpenFile } from './read-input.ts';

const mebibyte = 1024 * 1024;

/** Bytes of which no two windows are alike, so that a chunk left out, repeated or out of order shows. */
function bytesOfSize(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

describe('reading a file in chunks', () => {
  for (const size of [0, 1, 256 * 1024, 2 * mebibyte, 2 * mebibyte + 1, 3 * mebibyte, 17 * mebibyte + 5]) {
    test(`gives all of ${size} bytes in order, ahead or not`, async () => {
      using folder = temporaryFolder();
      const path = `${folder.path}/file`;
      const contents = bytesOfSize(size);
      writeFileSync(path, contents);
      const fd = openSync(path, 'r');
      const ahead: Buffer[] = [];
      // Chunks are lent.
      for await (const chunk of readChunksAhead(fd)) ahead.push(Buffer.from(chunk));
      closeSync(fd);
      const again = openSync(path, 'r');
      const plain = Array.from(readChunks(again), chunk => Buffer.from(chunk));
      closeSync(again);
      assert.ok(Buffer.concat(ahead).equals(contents));
      assert.ok(Buffer.concat(plain).equals(contents));
    });
  }

  test('may be given up half-way', async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/file`;
    writeFileSync(path, Buffer.alloc(20 * mebibyte));
    const fd = openSync(path, 'r');
    for await (const chunk of readChunksAhead(fd)) {
      assert.ok(chunk.byteLength > 0);
      break;
    }
    closeSync(fd);
  });

  test('fails with the reason', async () => {
    using folder = temporaryFolder();
    const directory = byteStringFromText(folder.path);
    const failing = withOpenFile('opening file', directory, fd => [...readChunks(fd)]);
    await assert.rejects(
      failing,
      (error: unknown) => error instanceof CliError && error.message.endsWith('Is a directory'),
    );
    const missing = withOpenFile('opening file', byteStringFromText('/nonexistent/x'), () => {});
    await assert.rejects(missing, { message: 'opening file "/nonexistent/x": No such file or directory' });
  });
});
