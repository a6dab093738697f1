import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { startEvaluator, temporaryFolder } from '../../testing/index.ts';
import { ReplScope } from '../repl-scope.ts';
import type { Evaluator } from '../evaluator.ts';
import { type DebugFrame, type DebugPrompt, type DebuggerOptions, DebuggingEnded } from './debugger.ts';

const folder = byteStringFromText('/');
const colours = /\u001B\[[0-9;]*m/g;

interface Stop {
  readonly why: string;
  /** Innermost first. */
  readonly frames: readonly string[];
  /** Names of the innermost frame's environments, but those of the builtins. */
  readonly names: readonly string[];
}

interface DebugRun {
  readonly stops: readonly Stop[];
  readonly outcome: string;
}

/** Evaluates a text and answers each stop with what `answer` says. */
function debug(
  text: string,
  options: Partial<DebuggerOptions> = {},
  answer: (stop: Stop, evaluator: Evaluator, frames: readonly DebugFrame[]) => ReturnType<DebugPrompt> = () =>
    'continue',
): DebugRun {
  const stops: Stop[] = [];
  const prompt: DebugPrompt = (reason, frames) => {
    const stop = {
      why: reason.kind === 'error' ? reason.error.message.replaceAll(colours, '') : reason.kind,
      frames: frames.map(frame => frame.text.replaceAll(colours, '')),
      names: namesOf(evaluator, frames[0]),
    };
    stops.push(stop);
    return answer(stop, evaluator, frames);
  };
  const evaluator: Evaluator = startEvaluator({
    debugger: { prompt, ignoresTry: false, stopsAtTraces: false, stopsAtWarnings: false, ...options },
  });
  return { stops, outcome: outcomeOf(evaluator, text) };
}

function outcomeOf(evaluator: Evaluator, text: string): string {
  const bytes = bytesOf(byteStringFromText(text));
  try {
    const value = evaluator.evaluate(evaluator.parse(bytes, { kind: 'text', name: '«string»' }, folder));
    evaluator.forceDeep(value);
    return evaluator.print(value);
  } catch (error) {
    if (error instanceof DebuggingEnded) return 'ended';
    return error instanceof Error ? error.message.replaceAll(colours, '') : String(error);
  }
}

function namesOf({ core }: Evaluator, frame: DebugFrame | undefined): string[] {
  const environments = frame?.environments().filter(({ isBase }) => !isBase) ?? [];
  return environments.map(({ names, attributes }) => {
    const listed = (attributes ?? names).map(({ symbol }) => displayBytes(core.nameOf(symbol))).toSorted();
    return `${attributes === undefined ? '' : 'with '}${listed.join(' ')}`;
  });
}

describe('a debugger', () => {
  test('stops at breaks, with the environments around them', () => {
    const { stops, outcome } = debug('let x.a = 1; in with x; builtins.seq a (f: builtins.break f) 7');
    assert.equal(outcome, '7');
    assert.deepEqual(stops, [
      {
        why: 'break',
        frames: [
          'breakpoint reached',
          'while calling a function',
          'while calling anonymous lambda',
          'while calling a function',
          "while evaluating a 'let' expression",
        ],
        names: ['f', 'with a', 'x'],
      },
    ]);
  });

  test('stops where an error arises, once', () => {
    const { stops, outcome } = debug('let f = x: throw "oh"; in [ (builtins.seq 1 (f 1)) ]');
    assert.equal(outcome, 'oh');
    assert.deepEqual(
      stops.map(({ why, names }) => ({ why, names })),
      [{ why: 'oh', names: ['x', 'f'] }],
    );
  });

  test('stops at errors of the host', () => {
    const { stops } = debug('builtins.readFile (/. + "nonexistent-file")');
    assert.equal(stops.length, 1);
    assert.match(stops[0]?.why ?? '', /does not exist/);
  });

  test('stops inside tryEval unless told not to', () => {
    const text = '(builtins.tryEval (throw "x")).success';
    assert.equal(debug(text).stops.length, 1);
    assert.deepEqual(debug(text, { ignoresTry: true }), { stops: [], outcome: 'false' });
  });

  test('stops at traces and warnings if asked to', () => {
    const text = 'builtins.trace 1 (builtins.warn "w" 2)';
    assert.equal(debug(text).stops.length, 0);
    assert.equal(debug(text, { stopsAtTraces: true }).stops.length, 2);
    assert.equal(debug(text, { stopsAtWarnings: true }).stops.length, 1);
  });

  test('goes on step by step', () => {
    const { stops, outcome } = debug('builtins.break 1 + (let a = 2; in a)', {}, () => 'step');
    assert.equal(outcome, '3');
    assert.deepEqual(
      stops.map(({ why, frames }) => `${why}: ${frames[0]}`),
      ['break: breakpoint reached', "pause: while evaluating a 'let' expression"],
    );
  });

  test('tells which files are being evaluated', () => {
    using temporary = temporaryFolder();
    const file = join(temporary.path, 'a.nix');
    writeFileSync(file, 'let a = builtins.break 1; in a');
    const { stops } = debug(`import ${file}`);
    assert.deepEqual(stops[0]?.frames.slice(2), [
      "while evaluating a 'let' expression",
      `while evaluating the file '${file}':`,
      'while calling a function',
    ]);
    assert.deepEqual(stops[0]?.names, ['a']);
  });

  test('ends an evaluation that has no error', () => {
    assert.equal(debug('builtins.break 1', {}, () => 'quit').outcome, 'ended');
  });

  test('lets others evaluate with the variables of the place, without stopping again', () => {
    const answer = (_: Stop, evaluator: Evaluator, frames: readonly DebugFrame[]) => {
      const scope = new ReplScope(evaluator, folder);
      for (const { names, isBase } of (frames[0]?.environments() ?? []).toReversed()) {
        for (const { symbol, word } of isBase ? [] : names) if (word !== undefined) scope.add(symbol, word);
      }
      const tree = scope.parse(byteStringFromText('[ (f 20) (builtins.tryEval (throw "y")).success ]'));
      const value = scope.evaluateTree(tree);
      evaluator.forceDeep(value);
      shown = evaluator.print(value);
      return 'continue' as const;
    };
    let shown = '';
    const { stops, outcome } = debug('let f = x: x + 1; in f (builtins.break 1)', {}, answer);
    assert.deepEqual([stops.length, shown, outcome], [1, '[ 21 false ]', '2']);
  });

  test('knows the environments of all forms', () => {
    const texts: readonly (readonly [string, readonly string[]])[] = [
      ['rec { a = 1; b = builtins.break a; }', ['a b']],
      ['let inherit (builtins.break { a = 1; }) a; in a', ['a']],
      ['(args@{ a, b ? builtins.break 2, ... }: a + b) { a = 1; }', ['a args b']],
      ['[ "${toString (builtins.break 1)}" ]', []],
      ['if builtins.break true then 1 else 2', []],
      ['{ a = 1; } ? ${builtins.break "a"}', []],
      ['assert builtins.break true; !(builtins.break false && true)', []],
      ['{ ${builtins.break "a"} = builtins.break 1; }', []],
    ];
    for (const [text, names] of texts) {
      const { stops } = debug(text);
      assert.deepEqual(stops[0]?.names, names, text);
    }
  });
});
