import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

/** A store with one path of `size` random bytes, and how to copy it to a new binary cache. */
function rig(size: number, compression = 'none') {
  const folder = temporaryFolder();
  const env = {
    NIX_STORE_DIR: join(folder.path, 'store'),
    NIX_STATE_DIR: join(folder.path, 'var'),
    NIX_LOG_DIR: join(folder.path, 'log'),
  };
  writeFileSync(join(folder.path, 'file'), randomBytes(size));
  const path = runCli('nix-store', ['--add', join(folder.path, 'file')], { env })
    .stdout.toString()
    .trim();
  const cache = `file://${folder.path}/cache`;
  return {
    env,
    path,
    cache,
    args: ['copy', '--no-check-sigs', '--to', `${cache}?compression=${compression}`, path],
    file: (name: string) => join(folder.path, name),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('progress', () => {
  test('is lines where there is no terminal', () => {
    using copy = rig(1000);
    const { status, stdout, stderr } = runCli('nix', copy.args, { env: copy.env });
    assert.equal(stderr, `copying 1 paths...\ncopying path '${copy.path}' to '${copy.cache}'...\n`);
    assert.deepEqual([status, stdout.length], [0, 0]);
  });

  test('is nothing where it is not wanted', () => {
    using copy = rig(1000);
    assert.equal(runCli('nix', ['--quiet', ...copy.args], { env: copy.env }).stderr, '');
  });

  test('is JSON for programs, and in a file too', () => {
    using copy = rig(1000);
    const log = copy.file('log.json');
    const more = ['--log-format', 'internal-json', '--json-log-path', log];
    const lines = runCli('nix', [...more, ...copy.args], { env: copy.env })
      .stderr.trimEnd()
      .split('\n');
    assert.deepEqual(
      readFileSync(log, 'utf8').trimEnd().split('\n'),
      lines.map(line => line.replace(/^@nix /, '')),
    );
    const started = new Set<number>();
    for (const line of lines) {
      assert.match(line, /^@nix \{"action":"(?:start|stop|result)",/);
      // Ids beyond 2^53 would be rounded here and no longer unique.
      const { action, id, parent = 0 } = JSON.parse(line.slice(5)) as Record<string, number | string | undefined>;
      assert.ok(typeof id === 'number' && typeof parent === 'number');
      assert.equal(Math.floor(id / 2 ** 32) > 0, true);
      if (action === 'start') started.add(id);
      assert.ok(started.has(id) && (parent === 0 || started.has(parent)), line);
      if (action === 'stop') started.delete(id);
    }
    assert.equal(started.size, 0);
  });

  test('is a line on a terminal, which is gone at the end', () => {
    using copy = rig(64_000_000);
    const command = `stty cols 40; "${binDir}/nix" '${copy.args.join("' '")}'; echo end`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      env: {
        PATH: process.env['PATH'],
        TERM: 'xterm',
        HOME: '/nonexistent',
        NIX_CONF_DIR: '/nonexistent',
        ...copy.env,
      },
    });
    const text = stdout.toString();
    assert.match(text, /\r\[.*copied \(.*MiB\)\]/);
    assert.ok(text.endsWith('\r\u001b[Kend\r\n'), JSON.stringify(text.slice(-100)));
    for (const line of text.split('\r')) {
      const plain = line.replaceAll(/\u001b\[[0-9;]*[mK]/g, '').trimEnd();
      assert.ok(plain.length <= 40, plain);
    }
  });

  test('says on a terminal what an evaluation waits for', () => {
    using folder = temporaryFolder();
    const place = (name: string) => join(folder.path, name);
    const job = `derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "/bin/sleep 1; echo 1 > $out" ]; }`;
    writeFileSync(place('job.nix'), `import (${job})`);
    const command = `"${binDir}/nix" eval -f ${place('job.nix')}`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      env: {
        PATH: process.env['PATH'],
        TERM: 'xterm',
        HOME: folder.path,
        TMPDIR: folder.path,
        NIX_CONF_DIR: '/nonexistent',
        NIX_STORE_DIR: place('store'),
        NIX_STATE_DIR: place('state'),
        NIX_CONFIG: 'substituters =\nsandbox = false\nbuild-users-group =',
      },
    });
    const text = stdout.toString().replaceAll(/\u001b\[[0-9;]*[mK]/g, '');
    assert.match(text, /evaluating, waiting for 1 output/);
    assert.ok(text.endsWith('1\r\n'), JSON.stringify(text.slice(-100)));
  });

  test('is no more than messages where the terminal has no colours', () => {
    using copy = rig(1000);
    const { stdout } = spawnSync('script', ['-qec', `"${binDir}/nix" '${copy.args.join("' '")}'`, '/dev/null'], {
      env: {
        PATH: process.env['PATH'],
        TERM: 'xterm',
        NO_COLOR: '1',
        HOME: '/nonexistent',
        NIX_CONF_DIR: '/nonexistent',
        ...copy.env,
      },
    });
    assert.equal(stdout.toString(), `copying 1 paths...\r\ncopying path '${copy.path}' to '${copy.cache}'...\r\n`);
  });
});

describe('an interrupted command', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`says so and fails (${signal})`, async () => {
      using copy = rig(30_000_000, 'xz');
      const child = spawn(join(binDir, 'nix'), copy.args, {
        env: { PATH: process.env['PATH'], HOME: '/nonexistent', NIX_CONF_DIR: '/nonexistent', ...copy.env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(child, 'close');
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (more: string) => {
        text += more;
        // Compressing this much takes seconds. A second signal would kill.
        if (text.includes('copying path') && !child.killed) child.kill(signal);
      });
      assert.deepEqual(await ended, [1, null]);
      assert.match(text, /\nerror: interrupted by the user\n$/);
    });
  }
});
