import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Reporter, silentReporter, verbosities, verbosityRank } from './activity.ts';
import { byteStringFromText } from './bytes.ts';
import { type ReportSink, createReporter } from './reporter.ts';

/** A sink that shows what is at most `info` and notes what it is told. */
function recording(): { readonly reporter: Reporter; readonly told: unknown[] } {
  const told: unknown[] = [];
  const sink: ReportSink = {
    shows: level => verbosityRank(level) <= verbosityRank('info'),
    log: (level, text) => told.push([level, text]),
    warn: text => told.push(['warning', text]),
    logError: error => told.push(['error', error]),
    startActivity: (id, { type }, parent) => told.push(['start', id, type, parent]),
    stopActivity: id => told.push(['stop', id]),
    result: (id, { type }) => told.push([type, id]),
    suspend: () => {
      told.push('suspend');
      return { [Symbol.dispose]: () => told.push('resume') };
    },
  };
  return { reporter: createReporter(sink), told };
}

const line = byteStringFromText('line');
const fail = (): string => assert.fail('nobody wants this text');

test('verbosities have the ranks that they have in logs', () => {
  assert.deepEqual(verbosities.map(verbosityRank), [0, 1, 2, 3, 4, 5, 6, 7]);
});

describe('createReporter', () => {
  test('passes messages on that are shown, and makes no text for the others', () => {
    const { reporter, told } = recording();
    reporter.log('info', () => 'made');
    reporter.log('talkative', fail);
    reporter.warn('careful');
    assert.ok(reporter.shows('info') && !reporter.shows('debug'));
    assert.deepEqual(told, [
      ['info', 'made'],
      ['warning', 'careful'],
    ]);
  });

  test('what an activity starts is its child, however the two are nested', () => {
    const { reporter, told } = recording();
    const outer = reporter.startActivity({ type: 'copyPaths' });
    const inner = outer.startActivity({ type: 'copyPath', fields: ['/nix/store/x', 'a://', 'b://'] });
    const beside = reporter.startActivity({ type: 'builds' });
    for (const activity of [inner, outer, beside]) activity[Symbol.dispose]();
    assert.deepEqual(told, [
      ['start', 0, 'copyPaths', undefined],
      ['start', 1, 'copyPath', 0],
      ['start', 2, 'builds', undefined],
      ['stop', 1],
      ['stop', 0],
      ['stop', 2],
    ]);
  });

  test('an activity reports until it ends, and ends once', () => {
    const { reporter, told } = recording();
    const activity = reporter.startActivity({ type: 'build' });
    activity.progress(1);
    activity.setExpected('fileTransfer', 10);
    activity.logLine(line);
    activity.result({ type: 'setPhase', phase: 'unpack' });
    activity.log('notice', 'text');
    activity[Symbol.dispose]();
    activity[Symbol.dispose]();
    activity.progress(2);
    assert.deepEqual(told.slice(1), [
      ['progress', 0],
      ['setExpected', 0],
      ['buildLogLine', 0],
      ['setPhase', 0],
      ['notice', 'text'],
      ['stop', 0],
    ]);
  });

  test('an activity suspends what its root shows', () => {
    const { reporter, told } = recording();
    {
      using activity = reporter.startActivity({ type: 'unknown' });
      using _quiet = activity.suspend();
    }
    assert.deepEqual(told.slice(1), ['suspend', 'resume', ['stop', 0]]);
  });
});

test('silentReporter asks for nothing and gives itself for every activity', () => {
  silentReporter.log('error', fail);
  const activity = silentReporter.startActivity({ type: 'unknown', text: fail });
  assert.equal(activity, silentReporter);
  activity.progress(1, 2, 3, 4);
  activity.logLine(line);
  assert.ok(!activity.shows('error'));
});
