import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import { type RecordedReport, recordReports } from '../../testing/index.ts';
import { BuilderOutput } from './builder-output.ts';
import { maxLine } from './line-splitter.ts';

/** What is reported of what a builder writes in `pieces`, and the last lines. */
function run(pieces: readonly (string | Uint8Array)[], tailLength = 25): { reports: RecordedReport[]; tail: string[] } {
  const { reporter, reports } = recordReports();
  using activity = reporter.startActivity({ type: 'build' });
  using output = new BuilderOutput(activity, tailLength);
  for (const piece of pieces) output.write(typeof piece === 'string' ? Buffer.from(piece) : piece);
  output.finish();
  return { reports: reports.slice(1), tail: output.tail.map(displayBytes) };
}

const lines = (reports: readonly RecordedReport[]) =>
  reports.flatMap(report =>
    report.kind === 'result' && report.result.type === 'buildLogLine' ? [displayBytes(report.result.line)] : [],
  );

test('lines come whole, however they were written', () => {
  assert.deepEqual(lines(run(['on', 'e\ntw', 'o\n\nthree']).reports), ['one', 'two', '', 'three']);
  assert.deepEqual(lines(run(['é'.repeat(2), '\n']).reports), ['éé']);
  assert.deepEqual(run(['1\n2\n3\n'], 2).tail, ['2', '3']);
  assert.deepEqual(run(['1\n'], 0).tail, []);
});

test('a carriage return goes back to the start of the line', () => {
  assert.deepEqual(lines(run(['10%\r20%\r100%\n']).reports), ['100%']);
  // The line ends where the last writing has.
  assert.deepEqual(lines(run(['longer\rshort\n', 'x\r\n']).reports), ['short', '']);
});

test('a line without end does not fill the memory', () => {
  const { reports } = run([new Uint8Array(maxLine + 1).fill(120), 'y\n']);
  assert.deepEqual(
    lines(reports).map(line => line.length),
    [maxLine + 1, 1],
  );
});

test('messages say what goes on', () => {
  const { reports, tail } = run([
    '@nix {"action":"setPhase","phase":"buildPhase"}\n',
    '@nix {"action":"msg","level":1,"msg":"careful"}\n',
    '@nix {"action":"start","id":7,"level":3,"type":101,"text":"down","fields":["https://x"]}\n',
    '@nix {"action":"result","id":7,"type":105,"fields":[1,2,3,4]}\n',
    '@nix {"action":"stop","id":7}\n',
    '@nix {"action":"result","id":7,"type":105,"fields":[1,2,3,4]}\n',
    // Nobody believes a builder that it builds.
    '@nix {"action":"start","id":8,"level":3,"type":105,"text":"build","fields":[]}\n',
    '@nix {"action":"what"}\n',
  ]);
  assert.deepEqual(reports, [
    { kind: 'result', id: 0, result: { type: 'setPhase', phase: 'buildPhase' } },
    { kind: 'log', level: 'warn', text: 'careful' },
    { kind: 'start', id: 1, type: 'fileTransfer', level: 'info', text: 'down', fields: ['https://x'], parent: 0 },
    { kind: 'result', id: 1, result: { type: 'progress', done: 1, expected: 2, running: 3, failed: 4 } },
    { kind: 'stop', id: 1 },
  ]);
  assert.deepEqual(tail, []);
});

test('what is no message is a line', () => {
  const bad = ['@nix 1', '@nix {}', '@nix {"action": null}', '@nix {"action": 123}', '@nix ]['];
  const { reports } = run([bad.join('\n')]);
  assert.deepEqual(lines(reports), bad);
  const said = reports.flatMap(report => (report.kind === 'log' ? [report.text.split(': ')[0]] : []));
  assert.deepEqual(said, [
    'warning',
    'warning',
    'warning',
    'warning',
    'bad JSON log message from the derivation builder',
  ]);
});
