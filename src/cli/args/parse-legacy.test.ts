import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { type Flag, indexFlags } from './flag.ts';
import { parseLegacy } from './parse-legacy.ts';

function parse(line: string, takeOthers = false): string[] {
  const log: string[] = [];
  const flag = (long: string, labels: string[] = [], short?: string): Flag => ({
    long,
    labels,
    summary: '',
    ...(short === undefined ? {} : { short }),
    apply: (...values: ByteString[]) => {
      log.push([`--${long}`, ...values].join(' '));
    },
  });
  const grammar = {
    flags: [flag('query', [], 'q'), flag('type', ['t']), flag('verbose', [], 'v')],
    argument: (text: ByteString) => {
      log.push(text);
    },
    ...(takeOthers ? { otherFlag: (text: ByteString) => log.push(`other ${text}`) > 0 } : {}),
  };
  const common = indexFlags([flag('verbose', [], 'v'), flag('cores', ['n'])]);
  parseLegacy(line.split(' ').map(byteStringFromText), grammar, common);
  return log;
}

function refuses(line: string, message: string): void {
  assert.throws(
    () => parse(line),
    (error: unknown) => error instanceof CliError && error.message === message,
  );
}

describe('parseLegacy', () => {
  test('takes own and common flags, combined ones too, and arguments where they stand', () => {
    assert.deepEqual(parse('a -qv --type md5 b --cores 3 -- -q'), [
      'a',
      '--query',
      '--verbose',
      '--type md5',
      'b',
      '--cores 3',
      '-q',
    ]);
  });

  test('leaves unknown flags to the command', () => {
    assert.deepEqual(parse('-q --max-freed -R x', true), ['--query', 'other --max-freed', 'other -R', 'x']);
  });

  test('refuses in the words of the one whose flag it is', () => {
    refuses('--bogus', "unrecognised flag '--bogus'");
    refuses('--type', "'--type' requires an argument");
    refuses('--cores', "flag '--cores' requires 1 argument(s), but only 0 were given");
  });
});
