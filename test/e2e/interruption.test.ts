import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';

const child = join(import.meta.dirname, 'interruption-child.ts');

function start(...args: readonly string[]) {
  const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(started.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  return { started, nextLine, ended: once(started, 'exit') };
}

describe('a command that asked for the signal', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`is interrupted by ${signal}, and killed by the second`, async () => {
      const { started, nextLine, ended } = start();
      assert.equal(await nextLine(), 'ready');
      started.kill(signal);
      assert.equal(await nextLine(), 'interrupted by the user');
      started.kill(signal);
      assert.deepEqual(await ended, [null, signal]);
    });
  }
});

test('a command that did not is killed by the first', async () => {
  const { started, nextLine, ended } = start('uninterested');
  assert.equal(await nextLine(), 'ready');
  started.kill('SIGINT');
  assert.deepEqual(await ended, [null, 'SIGINT']);
});
