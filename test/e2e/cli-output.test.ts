import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

const lines = (text: string): string[] => text.split('\n').filter(line => line !== '');

describe('versions', () => {
  test('firn names itself and the Nix it is like, nix-* are like Nix', () => {
    assert.match(runCli('firn', ['--version']).stdout.toString(), /^firn \d+\.\d+\.\d+ \(Nix 2\.34\.8\)\n$/);
    assert.equal(runCli('nix', ['--version']).stdout.toString(), 'nix (Nix) 2.34.8\n');
    assert.equal(runCli('nix-env', ['--version']).stdout.toString(), 'nix-env (Nix) 2.34.8\n');
    assert.equal(runCli('firn', ['nix-store', '--version']).stdout.toString(), 'nix-store (Nix) 2.34.8\n');
  });

  test('-v shows where things are', () => {
    const { stdout } = runCli('nix', ['--version', '-v', '--data', '/the/data'], {
      env: { NIX_STORE_DIR: '/the/store' },
    });
    assert.match(stdout.toString(), /^Store directory: \/the\/store$/m);
    assert.match(stdout.toString(), /^Data folder: \/the\/data$/m);
  });
});

describe('help', () => {
  test('lists what there is', () => {
    for (const [program, args] of [
      ['firn', ['--help']],
      ['nix', ['--help', '--bogus']],
      ['nix', ['nar', '--help']],
    ] as const) {
      const { status, stdout } = runCli(program, args);
      assert.equal(status, 0);
      assert.match(stdout.toString(), /nar ls +Lists what a NAR holds/);
    }
    assert.match(runCli('nix', ['hash', 'path', '--help']).stdout.toString(), /--algo HASH-ALGO/);
    assert.match(runCli('nix-store', ['--help']).stdout.toString(), /--restore/);
  });

  test('of commands of their own name is given without man, which is said to be missing', () => {
    const { status, stdout, stderr } = runCli('nix-env', ['--help'], { env: { PATH: '' } });
    assert.equal(status, 1);
    assert.match(stdout.toString(), /^Usage: nix-env/);
    assert.match(stderr, /^error: The 'man' command was not found, but it is needed for 'nix-env' and some other/);
  });

  test('says how Firn is upgraded', () => {
    assert.equal(runCli('nix', ['--experimental-features', '', 'upgrade-nix', '--help']).status, 0);
    const { status, stderr } = runCli('nix', ['upgrade-nix', '--dry-run']);
    assert.equal(status, 1);
    assert.match(stderr, /^error: Firn is upgraded the way it was installed/);
  });
});

describe('commands that are not there', () => {
  for (const [program, args, named, wayOut] of [
    ['nix', ['store', 'roots-daemon'], 'nix store roots-daemon', /; 'firn --help' lists what is\n$/],
  ] as const) {
    test(`${program} ${args.join(' ')}: says so and what there is`, () => {
      const { status, stdout, stderr } = runCli(program, args);
      assert.equal(status, 1);
      assert.equal(stdout.length, 0);
      assert.ok(stderr.startsWith(`error: '${named}' is not part of Firn `), stderr);
      assert.match(stderr, wayOut);
      assert.equal(lines(stderr).length, 1);
    });
  }
});

describe('standard output', () => {
  test('that is full ends in an error', () => {
    const full = openSync('/dev/full', 'w');
    try {
      for (const [program, args] of [
        ['nix-store', ['--dump', binDir]],
        ['nix-hash', [binDir]],
        ['nix', ['--help']],
        ['firn', ['--version']],
      ] as const) {
        const { status, stderr } = runCli(program, args, { stdio: ['ignore', full, 'pipe'] });
        assert.equal(status, 1);
        assert.match(stderr, /^error: write of \d+ bytes: No space left on device\n$/);
      }
    } finally {
      closeSync(full);
    }
  });

  test('that nobody reads is said to be a broken pipe', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'large'), Buffer.alloc(4 * 1024 * 1024));
    const command = `"${binDir}/nix-store" --dump . 2>err; echo $? >status`;
    spawnSync('sh', ['-c', `{ ${command}; } | head -c 1`], { cwd: folder.path, env: { PATH: process.env['PATH'] } });
    assert.equal(readFileSync(join(folder.path, 'status'), 'utf8'), '1\n');
    assert.match(readFileSync(join(folder.path, 'err'), 'utf8'), /^error: write of \d+ bytes: Broken pipe\n$/);
  });

  test('comes before the error that follows it', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'a'), '');
    const command = `"${binDir}/nix-hash" --flat a missing a >both 2>&1`;
    spawnSync('sh', ['-c', command], { cwd: folder.path, env: { PATH: process.env['PATH'] } });
    assert.deepEqual(lines(readFileSync(join(folder.path, 'both'), 'utf8')), [
      'd41d8cd98f00b204e9800998ecf8427e',
      'error: opening file "missing": No such file or directory',
    ]);
  });

  test('in non-blocking mode loses nothing', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'large'), Buffer.alloc(3_000_000, 'firn'));
    // Node makes the pipes of its children's standard streams non-blocking on our side only; a shell passes on one that
    // another process made so.
    const script = `perl -e 'use Fcntl; fcntl(STDOUT, F_SETFL, O_NONBLOCK); exec @ARGV' "${binDir}/nix-store" --dump large`;
    const child = spawn('sh', ['-c', `${script} | (sleep 0.3; wc -c)`], { cwd: folder.path });
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString().trim(), '3000112');
  });
});

describe('messages', () => {
  const missing = ['hash', 'path', '/nonexistent/file'];
  const message = 'canonicalising parent path of "/nonexistent/file": No such file or directory';

  test('are plain where no terminal is', () => {
    assert.equal(runCli('nix', missing).stderr, `error: ${message}\n`);
  });

  test('are JSON on request', () => {
    const { stderr } = runCli('nix', ['--log-format', 'internal-json', ...missing]);
    assert.ok(stderr.startsWith('@nix {"action":"msg","column":null,'), stderr);
    const { level, msg, raw_msg } = JSON.parse(stderr.slice('@nix '.length)) as Record<string, unknown>;
    assert.deepEqual(
      { level, msg, raw_msg },
      { level: 0, msg: `\u001b[31;1merror:\u001b[0m ${message}`, raw_msg: message },
    );
  });

  test('go to json-log-path, too', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'log');
    runCli('nix', ['--json-log-path', path, ...missing]);
    const [line = ''] = lines(readFileSync(path, 'utf8'));
    assert.equal((JSON.parse(line) as Record<string, unknown>)['raw_msg'], message);
  });

  test('bear the journal’s priority within systemd', () => {
    const env = { IN_SYSTEMD: '1' };
    assert.equal(runCli('nix', ['--log-format', 'raw', ...missing], { env }).stderr, `<3>error: ${message}\n`);
    assert.equal(runCli('nix', missing, { env }).stderr, `error: ${message}\n`);
  });

  test('are red on a terminal', () => {
    const command = `"${binDir}/nix" hash path /nonexistent/file`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], TERM: 'xterm', NIX_CONF_DIR: '/nonexistent', NIX_USER_CONF_FILES: '' },
    });
    assert.equal(stdout.toString(), `\u001b[31;1merror:\u001b[0m ${message}\r\n`);
  });

  test('are fewer when quiet, but errors stay', () => {
    const warned = runCli('nix', ['--option', 'foo', 'bar', 'hash', 'path', '/dev/null']);
    assert.match(warned.stderr, /^warning: unknown setting 'foo'\n/);
    const quiet = ['--quiet', '--quiet', '--quiet', '--option', 'foo', 'bar'];
    assert.doesNotMatch(runCli('nix', [...quiet, 'hash', 'path', '/dev/null']).stderr, /warning/);
    assert.equal(runCli('nix', [...quiet, ...missing]).stderr, `error: ${message}\n`);
  });

  test('cannot drive the terminal', () => {
    const { stderr } = runCli('nix-hash', ['--flat', 'a\u001b[2Jb\u0007']);
    assert.equal(stderr, 'error: opening file "ab": No such file or directory\n');
  });
});

describe('file names of any bytes', () => {
  test('come from the command line as they are', { skip: process.platform !== 'linux' }, () => {
    using folder = temporaryFolder();
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), name]), 'x');
    mkdirSync(join(folder.path, 'out'));
    const script = `f=$(printf 'f\\377\\376'); "${binDir}/nix-hash" --flat "$f" "$f"; "${binDir}/nix-store" --dump "$f" | "${binDir}/nix-store" --restore "out/$f"; cat "out/$f"`;
    const { stdout, stderr } = spawnSync('sh', ['-c', script], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'] },
    });
    assert.equal(stderr.toString(), '');
    assert.equal(stdout.toString(), `${'9dd4e461268c8034f5c8564e155c67a6\n'.repeat(2)}x`);
  });
});
