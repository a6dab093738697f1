import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { CliError, type CliErrorCode } from '../error.ts';
import { parseQueryFlags } from './query-flags.ts';

const parse = (flags: readonly string[], args: readonly string[] = []) => {
  const operands = { flags: flags.map(byteStringFromText), args: args.map(byteStringFromText) };
  return { options: parseQueryFlags({ ...operands, root: undefined, printPaths: true }), args: operands.args };
};

test('the outputs are asked for unless a flag asks for something else', () => {
  assert.equal(parse([]).options.kind, 'outputs');
  assert.equal(parse(['-R', '--requisites', '-u']).options.kind, 'requisites');
  assert.deepEqual(parse(['-u', '-f', '--include-outputs']).options, {
    kind: 'outputs',
    binding: '',
    useOutput: true,
    forceRealise: true,
    includeOutputs: true,
  });
});

test('the name of a binding is the first argument', () => {
  const { options, args } = parse(['-b'], ['name', 'path']);
  assert.deepEqual([options.kind, options.binding, args], ['binding', 'name', ['path']]);
});

const refused: [flags: string[], code: CliErrorCode, message: string][] = [
  [['--hash', '--size'], 'usage/several-operations', "query type '--size' conflicts with earlier flag"],
  [['--bogus'], 'usage/unrecognised-flag', "unknown flag '--bogus'"],
  [['--binding'], 'usage/missing-value', 'expected binding name'],
];
for (const [flags, code, message] of refused) {
  test(`${flags.join(' ')} is refused`, () => {
    assert.throws(
      () => parse(flags),
      (error: unknown) => error instanceof CliError && error.code === code && error.message === message,
    );
  });
}
