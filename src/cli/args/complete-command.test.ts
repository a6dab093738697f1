import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText } from '../../base/index.ts';
import { temporaryFolder } from '../../testing/temporary-folder.ts';
import { CliError } from '../error.ts';
import { completeCommand } from './complete-command.ts';
import { completePath } from './complete-path.ts';
import { Completions, completeAmong } from './completions.ts';
import { type Flag, indexFlags } from './flag.ts';
import type { CommandGroup, Parseable } from './parse-command.ts';

const flag = (long: string, labels: string[] = [], more: Partial<Flag> = {}): Flag => ({
  long,
  labels,
  summary: `Does ${long}. Or not.`,
  apply: () => {},
  ...more,
});
const command = (made: Parseable) => ({ kind: 'command' as const, load: () => Promise.resolve(() => made) });

const tree: CommandGroup<Parseable> = {
  kind: 'group',
  members: {
    hash: {
      kind: 'group',
      members: {
        path: command({
          flags: [flag('algo', ['a'], { complete: completeAmong(['md5', 'sha1', 'sha256']) }), flag('flat')],
          positionals: [{ label: 'paths', arity: 'any', apply: () => {}, complete: completeAmong(['one', 'other']) }],
        }),
      },
    },
    help: command({ flags: [], positionals: [] }),
    cat: command({
      flags: [],
      positionals: [
        { label: 'first', arity: 1, apply: () => {}, complete: completeAmong(['f1', 'f2']) },
        { label: 'second', arity: 1, apply: () => {}, complete: completeAmong(['s1']) },
      ],
    }),
  },
  aliases: { 'hash-path': { means: ['hash', 'path'], deprecated: true } },
};

const shared = [
  flag('verbose', [], { short: 'v', summary: 'Show more.' }),
  flag('offline', [], { aliases: ['no-net'] }),
  flag('option', ['name', 'value'], {
    complete: (completions, prefix, index) =>
      completeAmong(index === 0 ? ['cores', 'store'] : [])(completions, prefix, 0),
  }),
  flag('fail', [], {
    apply: () => {
      throw new CliError('usage/bad-value', 'no');
    },
  }),
];

/** Completions, without descriptions, of the last word of `line`. */
async function complete(line: string): Promise<string[]> {
  const args = line.split(' ').map(byteStringFromText);
  const completions = await completeCommand(args, args.length, tree, { shared, find: indexFlags(shared) });
  const [, ...lines] = completions.format().split('\n').slice(0, -1);
  return lines.map(text => text.replace(/\t.*/, ''));
}

describe('completeCommand', () => {
  test('names commands and the members of groups', async () => {
    assert.deepEqual(await complete('h'), ['hash', 'help']);
    assert.deepEqual(await complete('-v hash '), ['path']);
    assert.deepEqual(await complete('hash x'), []);
  });

  test('names flags by their start, all of one letter after a dash', async () => {
    assert.deepEqual(await complete('--o'), ['--offline', '--option']);
    assert.deepEqual(await complete('hash path --f'), ['--fail', '--flat']);
    assert.deepEqual(await complete('--no'), ['--no-net']);
    assert.deepEqual(await complete('-'), ['--', '-v']);
    assert.deepEqual(await complete('hash path -- --f'), []);
  });

  test('asks flags and positionals for their arguments', async () => {
    assert.deepEqual(await complete('hash path --algo sha'), ['sha1', 'sha256']);
    assert.deepEqual(await complete('hash path x y o'), ['one', 'other']);
    assert.deepEqual(await complete('cat '), ['f1', 'f2']);
    assert.deepEqual(await complete('cat f1 '), ['s1']);
    assert.deepEqual(await complete('cat f1 s1 '), []);
    assert.deepEqual(await complete('--option c'), ['cores']);
    assert.deepEqual(await complete('--option cores '), []);
    assert.deepEqual(await complete('--option cores 1 he'), ['help']);
  });

  test('follows aliases', async () => {
    assert.deepEqual(await complete('hash-path --algo m'), ['md5']);
  });

  test('has nothing to say after what is wrong', async () => {
    assert.deepEqual(await complete('bogus '), []);
    assert.deepEqual(await complete('--bogus h'), []);
    assert.deepEqual(await complete('--fail h'), []);
  });

  test('refuses positions that there are not', async () => {
    for (const position of [0, 2, -1, 0.5, NaN]) {
      const args = [byteStringFromText('h')];
      await assert.rejects(completeCommand(args, position, tree, { shared, find: indexFlags(shared) }), CliError);
    }
  });

  test('any command line has completions', async () => {
    const word = fc.constantFrom(
      'hash',
      'path',
      'cat',
      'hash-path',
      '-v',
      '-vx',
      '--algo',
      '--option',
      '--',
      '-',
      '',
      'x',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 8 }), async words => {
        await complete(words.join(' '));
      }),
    );
  });
});

test('descriptions end with their first sentence', () => {
  const completions = new Completions();
  for (const [name, description] of Object.entries({ a: 'One.', b: ' One. Two.\n', c: 'One\nTwo', d: 'One', e: '' })) {
    completions.add(byteStringFromText(name), description);
  }
  assert.equal(completions.format(), 'normal\na\tOne\nb\tOne [...]\nc\tOne [...]\nd\tOne\ne\t\n');
});

test('completePath names files as they were begun', async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'dir'));
  for (const name of ['dot', '.hidden', 'other']) writeFileSync(join(folder.path, name), '');
  const of = async (typed: string): Promise<string[]> => {
    const completions = new Completions();
    await completePath(completions, byteStringFromText(`${folder.path}/${typed}`), 0);
    assert.equal(completions.kind, 'filenames');
    return [...completions.format().matchAll(/([^/\n]+)\t/g)].map(([, name = '']) => name);
  };
  assert.deepEqual(await of('d'), ['dir', 'dot']);
  assert.deepEqual(await of(''), ['dir', 'dot', 'other']);
  assert.deepEqual(await of('.h'), ['.hidden']);
  assert.deepEqual(await of('dir/'), []);
  assert.deepEqual(await of('absent/x'), []);
});
