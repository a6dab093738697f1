import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Activity, type ReportSink, byteStringFromText, createReporter, verbosityRank } from '../../base/index.ts';
import { type Clock, ProgressBar } from './progress-bar.ts';

/** Time that passes when told to. */
class ManualClock implements Clock {
  #now = 1000;
  readonly #pending = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): Disposable {
    const entry = { at: this.#now + milliseconds, callback };
    this.#pending.add(entry);
    return { [Symbol.dispose]: () => this.#pending.delete(entry) };
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#pending].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }
}

/** A terminal of `columns`, a bar on it, and what of both can be seen. */
function rig({ columns = 200, rows = 24, onTerminal = true, level = 'info' as const } = {}) {
  const clock = new ManualClock();
  let text = '';
  const bar = new ProgressBar({
    writeMessage: line => (text += `${line}\n`),
    terminal: onTerminal ? { write: more => (text += more), width: () => columns, height: () => rows } : undefined,
    clock,
    shows: asked => verbosityRank(asked) <= verbosityRank(level),
  });
  const sink: ReportSink = {
    shows: () => true,
    log: (at, message) => bar.log(at, message),
    warn: message => bar.log('warn', message),
    logError: () => {},
    startActivity: (id, start, parent) => bar.startActivity(id, start, parent),
    stopActivity: id => bar.stopActivity(id),
    result: (id, result) => bar.result(id, result),
    suspend: () => bar.suspend(),
  };
  return {
    clock,
    bar,
    reporter: createReporter(sink),
    /** All that was written. */
    written: () => text,
    /** Lines as they stand on the screen, without colours; the cursor is in the last one. */
    screen: () => render(text),
  };
}

/** Understands what a bar may write: text, colours, moving up, and emptying the rest of a line or of the screen. */
function render(text: string): string[] {
  const lines = [''];
  let row = 0;
  let column = 0;
  for (const [piece] of text.matchAll(/\u001b\[[0-9;]*[A-Za-z]|[\r\n]|[^\r\n\u001b]+/g)) {
    const line = lines[row] ?? '';
    const up = /^\u001b\[([0-9]+)A$/.exec(piece);
    if (piece === '\r') column = 0;
    else if (piece === '\n') {
      row++;
      column = 0;
      if (row === lines.length) lines.push('');
    } else if (up !== null) row -= Number(up[1]);
    else if (piece === '\u001b[K') lines[row] = line.slice(0, column);
    else if (piece === '\u001b[J') lines.splice(row, Infinity, line.slice(0, column));
    else if (!piece.startsWith('\u001b')) {
      lines[row] = line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  return lines;
}

const line = byteStringFromText;

describe('ProgressBar', () => {
  test('counts and says what goes on', () => {
    const { reporter, clock, screen } = rig({ level: 'info' });
    const copying = reporter.startActivity({ type: 'copyPaths' });
    copying.setExpected('copyPath', 5 * 1024 * 1024);
    copying.progress(2, 5, 1);
    const path = copying.startActivity({ type: 'copyPath', level: 'debug', text: 'copying path x' });
    path.progress(1_258_291, 3_000_000);
    clock.advance(100);
    assert.deepEqual(screen(), ['[1/2/5 copied (1.2/5.0 MiB)] copying path x']);
    path[Symbol.dispose]();
    copying.progress(5, 5);
    clock.advance(100);
    assert.deepEqual(screen(), ['[5 copied (1.2/5.0 MiB)]']);
  });

  test('has builds first and failures in brackets', () => {
    const { reporter, clock, screen } = rig();
    reporter.startActivity({ type: 'builds' }).progress(3, 6, 2, 1);
    reporter.startActivity({ type: 'fileTransfer' }).progress(307, 0);
    const optimising = reporter.startActivity({ type: 'optimiseStore' });
    optimising.progress(1, 2);
    optimising.result({ type: 'fileLinked', bytes: 2048, blocks: 4 });
    const verifying = reporter.startActivity({ type: 'verifyPaths' });
    verifying.progress(1, 1);
    verifying.result({ type: 'corruptedPath', path: '/nix/store/x' });
    verifying.result({ type: 'untrustedPath', path: '/nix/store/x' });
    clock.advance(100);
    assert.deepEqual(screen(), [
      '[2/3/6 built (1 failed), 0.3 KiB DL, 1/2 paths optimised, 2.0 KiB / 1 inodes freed, 1 paths verified, 1 corrupted, 1 untrusted]',
    ]);
  });

  test('shows the latest line of a build, or every line after the name', () => {
    const { reporter, clock, screen, bar } = rig();
    const fields = ['/nix/store/aaa-hello-2.12.drv', '', 1, 1];
    const build = reporter.startActivity({ type: 'build', level: 'info', text: "building 'x'", fields });
    build.result({ type: 'setPhase', phase: 'buildPhase' });
    build.logLine(line('cc -c hello.c'));
    clock.advance(100);
    assert.deepEqual(screen(), ["building 'x'...", 'building hello-2.12 (buildPhase): cc -c hello.c']);
    bar.buildLogs = true;
    build.logLine(line('done\n'));
    build.result({ type: 'postBuildLogLine', line: line('sent') });
    assert.deepEqual(screen().slice(1, 3), ['hello> done', 'hello (post)> sent']);
  });

  test('leaves out what is over at once, and what another activity tells of', () => {
    const { reporter, clock, screen } = rig();
    const fields = ['/nix/store/aaa-hello', 'https://cache'];
    const substitution = reporter.startActivity({ type: 'substitute', fields });
    const inner = substitution.startActivity({ type: 'copyPath', level: 'debug', text: 'copying' });
    clock.advance(100);
    inner.startActivity({ type: 'fileTransfer', level: 'debug', text: 'downloading' });
    const short = reporter.startActivity({ type: 'unknown', level: 'debug', text: 'short' });
    assert.deepEqual(screen(), ['fetching hello from https://cache']);
    short[Symbol.dispose]();
    clock.advance(100);
    assert.deepEqual(screen(), ['fetching hello from https://cache']);
  });

  test('shows nothing of what is over in 50 ms', () => {
    const { reporter, clock, written } = rig();
    reporter.startActivity({ type: 'unknown', level: 'debug', text: 'quick' })[Symbol.dispose]();
    clock.advance(1000);
    assert.equal(written(), '');
    assert.ok(clock.isIdle);
  });

  test('keeps messages above it', () => {
    const { reporter, clock, screen } = started();
    reporter.log('info', 'first');
    reporter.log('debug', 'not shown');
    reporter.log('notice', 'second');
    clock.advance(100);
    assert.deepEqual(screen(), ['first', 'second', 'working']);
  });

  test('stays away from a line that standard output has not ended', () => {
    const { bar, clock, screen, reporter } = started();
    bar.makeRoom(false);
    assert.deepEqual(screen(), ['']);
    reporter.startActivity({ type: 'builds' }).progress(1, 2);
    clock.advance(1000);
    assert.deepEqual(screen(), ['']);
    bar.makeRoom(true);
    clock.advance(1000);
    assert.deepEqual(screen(), ['[1/2 built] working']);
  });

  test('is suspended as long as anybody wants that', () => {
    const { bar, clock, screen } = started();
    const first = bar.suspend();
    const second = bar.suspend();
    assert.deepEqual(screen(), ['']);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    clock.advance(1000);
    assert.deepEqual(screen(), ['']);
    second[Symbol.dispose]();
    clock.advance(1000);
    assert.deepEqual(screen(), ['working']);
  });

  test('fits into the window, whatever it is told', () => {
    const { clock, reporter, screen } = rig({ columns: 10 });
    reporter.startActivity({ type: 'unknown', level: 'debug', text: 'one\u001b[2J\u0007 very long line\nand another' });
    clock.advance(100);
    assert.deepEqual(screen(), ['one very l']);
  });

  test('draws the same thing once', () => {
    const { clock, written, activity } = started();
    const before = written();
    activity.setExpected('builds', 0);
    clock.advance(1000);
    assert.equal(written(), before);
  });

  test('leaves nothing behind', () => {
    const { bar, clock, screen, reporter, activity } = started();
    bar.close();
    activity.progress(1, 2);
    reporter.log('info', 'last');
    clock.advance(1000);
    assert.deepEqual(screen(), ['last', '']);
    assert.ok(clock.isIdle);
  });

  test('without a terminal there are messages alone', () => {
    const { reporter, clock, written } = rig({ onTerminal: false });
    const activity = reporter.startActivity({ type: 'copyPaths', level: 'info', text: () => 'copying 2 paths' });
    activity.progress(1, 2);
    reporter.startActivity({ type: 'buildWaiting', level: 'info', text: 'waiting' });
    clock.advance(1000);
    assert.equal(written(), 'copying 2 paths...\n');
  });

  test('has a line for each of several builds, with their times, and tells what waits', () => {
    const { reporter, clock, screen } = rig();
    const builds = reporter.startActivity({ type: 'builds' });
    builds.progress(1, 8, 2);
    const start = (name: string) =>
      reporter.startActivity({ type: 'build', level: 'debug', fields: [`/nix/store/aaa-${name}.drv`, '', 1, 1] });
    const first = start('gcc-13');
    clock.advance(65_000);
    assert.deepEqual(screen(), ['[2/1/8 built] building gcc-13']);
    const second = start('zlib-1.3');
    second.logLine(line('checking for cc'));
    clock.advance(1100);
    assert.deepEqual(screen(), [
      '[2/1/8 built]',
      '├─ 1m06s building gcc-13',
      '├─ 1s building zlib-1.3: checking for cc',
      '└─ 5 builds wait',
    ]);
    reporter.log('info', 'a message');
    assert.deepEqual(screen().slice(0, 2), ['a message', '[2/1/8 built]']);
    second[Symbol.dispose]();
    builds.progress(2, 8, 1);
    clock.advance(100);
    assert.deepEqual(screen(), ['a message', '[1/2/8 built] building gcc-13']);
    first[Symbol.dispose]();
  });

  test('leaves room on a small terminal', () => {
    const { reporter, clock, screen } = rig({ rows: 6 });
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      reporter.startActivity({ type: 'build', level: 'debug', fields: [`/nix/store/aaa-${name}.drv`, '', 1, 1] });
    clock.advance(100);
    assert.deepEqual(screen(), ['├─ building a', '├─ building b', '└─ and 3 more']);
  });
});

/** With an activity that is on the screen. */
function started(): ReturnType<typeof rig> & { readonly activity: Activity } {
  const made = rig();
  const activity = made.reporter.startActivity({ type: 'unknown', level: 'debug', text: 'working' });
  made.clock.advance(100);
  assert.deepEqual(made.screen(), ['working']);
  return { ...made, activity };
}
