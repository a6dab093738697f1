import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { type Flag, type Positional, indexFlags } from './flag.ts';
import { type CommandGroup, type Parseable, type ParsedCommand, parseCommand } from './parse-command.ts';

/** What was applied, in order. */
let log: string[] = [];

const note =
  (what: string) =>
  (...values: ByteString[]) => {
    log.push([what, ...values].join(' '));
  };
const flag = (long: string, labels: string[] = [], more: Partial<Flag> = {}): Flag => ({
  long,
  labels,
  summary: '',
  apply: note(`--${long}`),
  ...more,
});
const one = (label: string, more: Partial<Positional> = {}): Positional => ({
  label,
  arity: 1,
  apply: note(label),
  ...more,
});
const any = (label: string): Positional => ({ label, arity: 'any', apply: note(label) });
const command = (flags: Flag[], positionals: Positional[]) => ({
  kind: 'command' as const,
  load: () => Promise.resolve(() => ({ flags, positionals })),
});

const tree: CommandGroup<Parseable> = {
  kind: 'group',
  members: {
    hash: {
      kind: 'group',
      members: {
        path: command([flag('algo', ['a']), flag('flat', [], { short: 'f' })], [any('paths')]),
        file: command([], [any('files')]),
      },
    },
    cat: command([], [one('nar'), one('path')]),
    try: command([], [one('maybe', { optional: true })]),
    need: command([flag('name', ['n'], { required: true })], []),
    gated: command([flag('gate', [], { feature: 'flakes' })], []),
    gone: { kind: 'command', load: () => Promise.reject(new CliError('command/absent', 'gone')) },
  },
  aliases: {
    'hash-path': { means: ['hash', 'path'], deprecated: true },
    h: { means: ['hash'], deprecated: false },
  },
};

async function parse(line: string): Promise<ParsedCommand<Parseable> & { readonly warnings: string[] }> {
  log = [];
  const warnings: string[] = [];
  const parsed: ParsedCommand<Parseable> = { path: [], command: undefined, features: new Set() };
  const common = indexFlags([flag('verbose', [], { short: 'v' }), flag('option', ['name', 'value'])]);
  const args = line
    .split(' ')
    .filter(arg => arg !== '')
    .map(byteStringFromText);
  await parseCommand(args, tree, parsed, { common, warn: text => warnings.push(text) });
  return { ...parsed, warnings };
}

function refuses(line: string, code: string, message: string): Promise<void> {
  return assert.rejects(parse(line), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  });
}

describe('parseCommand', () => {
  test('finds the command and takes flags and arguments in any order', async () => {
    const { path, command: found } = await parse('-v hash --option a b path x --algo md5 y -vf -- --z');
    assert.deepEqual(path, ['hash', 'path']);
    assert.ok(found !== undefined);
    assert.deepEqual(log, ['--verbose', '--option a b', '--algo md5', '--verbose', '--flat', 'paths x y --z']);
  });

  test('stops at a group where no member is named', async () => {
    assert.deepEqual((await parse('hash')).path, ['hash']);
    assert.deepEqual((await parse('')).path, []);
  });

  test('gives arguments to those that expect them, in their order', async () => {
    await parse('cat a b');
    assert.deepEqual(log, ['nar a', 'path b']);
    await parse('try');
    assert.deepEqual(log, []);
    await parse('hash path');
    assert.deepEqual(log, ['paths']);
  });

  test('replaces an alias once and warns of old ones', async () => {
    const { path, warnings } = await parse('hash-path x');
    assert.deepEqual(path, ['hash', 'path']);
    assert.deepEqual(warnings, ["'hash-path' is a deprecated alias for 'hash path'"]);
    assert.deepEqual((await parse('h file')).warnings, []);
  });

  test('collects what flags need to be enabled', async () => {
    assert.deepEqual([...(await parse('gated --gate')).features], ['flakes']);
  });

  test('refuses what is wrong', async () => {
    await refuses('bogus', 'usage/unknown-command', "'bogus' is not a recognised command");
    await refuses('hash bogus', 'usage/unknown-command', "'bogus' is not a recognised command");
    await refuses('toString', 'usage/unknown-command', "'toString' is not a recognised command");
    await refuses('--algo x', 'usage/unrecognised-flag', "unrecognised flag '--algo'");
    await refuses('hash file --algo x', 'usage/unrecognised-flag', "unrecognised flag '--algo'");
    await refuses('cat -z', 'usage/unrecognised-flag', "unrecognised flag '-z'");
    await refuses('cat a', 'usage/missing-argument', 'more arguments are required');
    await refuses('cat a b c', 'usage/unexpected-argument', "unexpected argument 'c'");
    await refuses('need', 'usage/missing-flag', "required argument '--name' is missing");
    await refuses(
      'hash path --algo',
      'usage/missing-value',
      "flag '--algo' requires 1 argument(s), but only 0 were given",
    );
    await refuses('gone whatever --follows', 'command/absent', 'gone');
  });

  test('suggests commands that are spelt alike', async () => {
    await assert.rejects(parse('hsh'), (error: unknown) => {
      assert.ok(error instanceof CliError);
      assert.deepEqual(error.suggestions, ['hash']);
      return true;
    });
  });

  test('tells how far it came when it fails', async () => {
    const parsed: ParsedCommand<Parseable> = { path: [], command: undefined, features: new Set() };
    const args = ['hash', 'path', '--bogus'].map(byteStringFromText);
    await assert.rejects(parseCommand(args, tree, parsed, { common: () => undefined, warn: () => {} }));
    assert.deepEqual(parsed.path, ['hash', 'path']);
  });

  test('any command line is parsed or refused with a code', async () => {
    const word = fc.constantFrom(
      'hash',
      'path',
      'file',
      'cat',
      'h',
      '-v',
      '-vf',
      '--algo',
      '--',
      '-',
      '',
      '--name',
      'x',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 8 }), async words => {
        try {
          await parse(words.join(' '));
        } catch (error) {
          assert.ok(error instanceof CliError, String(error));
        }
      }),
    );
  });
});
