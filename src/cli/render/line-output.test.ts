import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/temporary-folder.ts';
import { CliError } from '../error.ts';
import { openLineOutput } from './line-output.ts';

test('openLineOutput appends to files', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'log');
  for (const line of ['one', 'two']) {
    const output = openLineOutput(path);
    output.writeLine(line);
    output.close();
  }
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
});

test('openLineOutput connects to sockets, and what was written arrives', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'socket');
  const received = Promise.withResolvers<string>();
  const server = createServer(socket => void text(socket).then(received.resolve, received.reject)).listen(path);
  await once(server, 'listening');
  const output = openLineOutput(path);
  output.writeLine('one');
  output.writeLine('two');
  output.close();
  assert.equal(await received.promise, 'one\ntwo\n');
  server.close();
  await once(server, 'close');
});

test('openLineOutput says why it cannot', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'absent/log');
  assert.throws(
    () => openLineOutput(path),
    (error: unknown) => {
      assert.ok(error instanceof CliError);
      assert.equal(error.code, 'output/failed');
      assert.equal(error.message, `opening log file "${path}": No such file or directory`);
      return true;
    },
  );
});
