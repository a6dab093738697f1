import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

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
    test(`is interrupted by ${signal}, and killed where that comes again later`, async () => {
      const { started, nextLine, ended } = start();
      assert.equal(await nextLine(), 'ready');
      // As `timeout` does, to its child and to the child's group.
      started.kill(signal);
      started.kill(signal);
      assert.equal(await nextLine(), 'interrupted by the user');
      started.kill(signal);
      while (started.kill(signal)) await delay(50);
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
