import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { MessageBudget } from './message-budget.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const mebibyte = 2 ** 20;

function strings(count: number): Uint8Array {
  const writer = new WireWriter();
  for (let at = 0; at < count; at++) writer.string(byteStringFromText('x'.repeat(mebibyte)));
  return writer.take();
}

test('messages of several readers share what there is, until each has been answered', async () => {
  const budget = new MessageBudget(5 * mebibyte);
  const first = new WireReader([strings(10)], { budget });
  for (let at = 0; at < 3; at++) await first.string();
  assert.ok(budget.used >= 2 * mebibyte && budget.used <= 3.5 * mebibyte, String(budget.used));
  await using second = new WireReader([strings(10)], { budget });
  await second.string();
  const refusal = {
    code: 'wire/message-too-large',
    message: /too large while others are received: at most 5242880 bytes/,
  };
  await assert.rejects(
    (async () => {
      for (;;) await second.string();
    })(),
    refusal,
  );
  await second[Symbol.asyncDispose]();
  first.startMessage();
  assert.equal(budget.used, 0);
  await first.string();
  await first[Symbol.asyncDispose]();
  assert.equal(budget.used, 0);
});

test('small messages take nothing', async () => {
  const budget = new MessageBudget(0);
  await using reader = new WireReader([strings(1)], { budget, maxStringLength: 2 * mebibyte });
  await assert.rejects(reader.string(), { code: 'wire/message-too-large' });
  const writer = new WireWriter();
  for (let at = 0; at < 1000; at++) writer.number(at);
  await using numbers = new WireReader([writer.take()], { budget });
  for (let at = 0; at < 1000; at++) assert.equal(await numbers.number(), at);
});
