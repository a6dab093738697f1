import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reporter, byteStringFromLatin1, byteStringFromText, createReporter } from '../../base/index.ts';
import { JsonLog } from './json-log.ts';

/** Reports to a JSON log of process 10103, and the lines that it wrote. */
function rig(): { readonly reporter: Reporter; readonly lines: string[] } {
  const lines: string[] = [];
  const log = new JsonLog({ writeLine: line => lines.push(line), close: () => {} }, 10103);
  const reporter = createReporter({
    shows: () => true,
    log: (level, text) => log.log(level, text),
    warn: text => log.log('warn', text),
    logError: error => log.logError({ text: `error: ${String(error)}`, message: String(error) }),
    startActivity: (id, start, parent) => log.startActivity(id, start, parent),
    stopActivity: id => log.stopActivity(id),
    result: (id, result) => log.result(id, result),
    suspend: () => assert.fail(),
  });
  return { reporter, lines };
}

test('JsonLog writes what C++ Nix 2.34.8 writes', () => {
  const { reporter, lines } = rig();
  const path = '/nix/store/y79qhlsbxppnncf4r8qkrz28yh07xwjk-env.sh';
  const paths = reporter.startActivity({ type: 'copyPaths', level: 'info', text: 'copying 2 paths' });
  paths.setExpected('copyPath', 488);
  paths.progress(0, 2, 1, 0);
  const copy = paths.startActivity({
    type: 'copyPath',
    level: 'info',
    text: `copying path '${path}' to 'file:///cache'`,
    fields: [path, 'local', 'file:///cache'],
  });
  copy.result({ type: 'corruptedPath', path });
  copy[Symbol.dispose]();
  reporter.log('talkative', 'loaded 2 hash inodes');
  // As it wrote them for `nix copy` and `nix store verify`, with the second activity as a child of the first.
  assert.deepEqual(lines, [
    '{"action":"start","id":43392054591488,"level":3,"parent":0,"text":"copying 2 paths","type":103}',
    '{"action":"result","fields":[100,488],"id":43392054591488,"type":106}',
    '{"action":"result","fields":[0,2,1,0],"id":43392054591488,"type":105}',
    `{"action":"start","fields":["${path}","local","file:///cache"],"id":43392054591489,"level":3,"parent":43392054591488,"text":"copying path '${path}' to 'file:///cache'","type":100}`,
    `{"action":"result","fields":["${path}"],"id":43392054591489,"type":103}`,
    '{"action":"stop","id":43392054591489}',
    '{"action":"msg","level":4,"msg":"loaded 2 hash inodes"}',
  ]);
});

test('texts are JSON whatever their bytes are', () => {
  const { reporter, lines } = rig();
  const build = reporter.startActivity({ type: 'build', text: 'a "quote"\u001b\n' });
  build.logLine(byteStringFromText('naïve'));
  build.logLine(byteStringFromLatin1('\xff'));
  assert.deepEqual(lines, [
    '{"action":"start","id":43392054591488,"level":0,"parent":0,"text":"a \\"quote\\"\\u001b\\n","type":105}',
    '{"action":"result","fields":["naïve"],"id":43392054591488,"type":101}',
    '{"action":"result","fields":["\ufffd"],"id":43392054591488,"type":101}',
  ]);
});

test('ids of processes with large numbers are exact', () => {
  const lines: string[] = [];
  new JsonLog({ writeLine: line => lines.push(line), close: () => {} }, 4_194_304).stopActivity(1);
  assert.deepEqual(lines, ['{"action":"stop","id":18014398509481985}']);
});

test('errors have their message beside the text that is shown', () => {
  const { reporter, lines } = rig();
  reporter.logError('gone');
  assert.deepEqual(lines, [
    '{"action":"msg","column":null,"file":null,"level":0,"line":null,"msg":"error: gone","raw_msg":"gone"}',
  ]);
});

test('a log that cannot be written to is given up', () => {
  let tries = 0;
  const fail = (): void => {
    tries++;
    throw new Error('no space');
  };
  const log = new JsonLog({ writeLine: fail, close: () => {} }, 1);
  log.log('info', 'one');
  log.log('info', 'two');
  assert.equal(tries, 1);
});
