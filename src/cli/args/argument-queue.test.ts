import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { ArgumentQueue, applyFlag, missingLegacyValue } from './argument-queue.ts';
import type { Flag } from './flag.ts';

function queueOf(...args: readonly string[]): ArgumentQueue {
  return new ArgumentQueue(args.map(byteStringFromText));
}

function drain(queue: ArgumentQueue): string[] {
  const items: string[] = [];
  for (let item = queue.next(); item !== undefined; item = queue.next()) items.push(`${item.kind} ${item.text}`);
  return items;
}

describe('ArgumentQueue', () => {
  test('tells flags from arguments', () => {
    assert.deepEqual(drain(queueOf('a', '--b', '-c', '', '-')), [
      'argument a',
      'flag --b',
      'flag -c',
      'argument ',
      'flag -',
    ]);
  });

  test('takes apart flags of one letter each, and the number that follows them', () => {
    assert.deepEqual(drain(queueOf('-qlf', 'x')), ['flag -q', 'flag -l', 'flag -f', 'argument x']);
    assert.deepEqual(drain(queueOf('-j3')), ['flag -j', 'argument 3']);
    assert.deepEqual(drain(queueOf('-I.', '-1a', '-a-b')), ['flag -I', 'argument .', 'flag -1a', 'flag -a', 'flag -b']);
  });

  test('takes all after -- for arguments', () => {
    assert.deepEqual(drain(queueOf('--', '--a', '-bc', '--')), ['argument --a', 'argument -bc', 'argument --']);
  });

  test('gives values as they are', () => {
    const queue = queueOf('-a', '-bc', '--');
    queue.next();
    assert.equal(queue.take(), '-bc');
    assert.equal(queue.take(), '--');
    assert.equal(queue.take(), undefined);
  });

  test('loses nothing but dashes', () => {
    const arg = fc.string({ unit: fc.constantFrom('-', 'a', 'b', '1', '='), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(arg, { maxLength: 8 }), args => {
        const letters = (texts: readonly string[]) => texts.join('').replaceAll('-', '');
        const items = drain(queueOf(...args)).map(item => item.slice(item.indexOf(' ') + 1));
        assert.equal(letters(items), letters(args));
      }),
    );
  });
});

describe('applyFlag', () => {
  const given: string[][] = [];
  const flag: Flag = { long: 'pair', labels: ['a', 'b'], summary: '', apply: (...values) => given.push(values) };

  test('calls the flag with as many values as it has labels', () => {
    applyFlag(flag, byteStringFromText('--pair'), queueOf('x', '--y', 'z'));
    assert.deepEqual(given, [['x', '--y']]);
  });

  test('says how many are missing', () => {
    const refuses = (message: string, action: () => void) =>
      assert.throws(action, (error: unknown) => error instanceof CliError && error.message === message);
    refuses("flag '--pair' requires 2 argument(s), but only 1 were given", () =>
      applyFlag(flag, byteStringFromText('--pair'), queueOf('x')),
    );
    refuses("'--pair' requires an argument", () =>
      applyFlag(flag, byteStringFromText('--pair'), queueOf('x'), missingLegacyValue),
    );
  });
});
