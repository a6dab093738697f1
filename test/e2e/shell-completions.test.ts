import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir } from './run-cli.ts';

const scripts = join(import.meta.dirname, '../../share/completions');

/** What `script` prints in `shell`, which finds our programs first; undefined where there is no such shell. */
function run(shell: string, script: string, cwd: string): string[] | undefined {
  const { error, stdout } = spawnSync(shell, ['-c', script], {
    cwd,
    env: { PATH: `${binDir}:${process.env['PATH']}`, HOME: cwd, NIX_CONF_DIR: '/nonexistent' },
  });
  return error === undefined ? stdout.toString().split('\n').slice(0, -1) : undefined;
}

test('bash completes names, files and flags', () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file one'), '');
  const complete = (...words: readonly string[]) => {
    const quoted = words.map(word => `'${word}'`).join(' ');
    const script = `source '${scripts}/nix.bash'; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _firn_complete`;
    return run('bash', `${script}; printf '%s\\n' "\${COMPREPLY[@]}"`, folder.path);
  };
  assert.deepEqual(complete('nix', 'config', ''), ['check', 'show']);
  assert.deepEqual(complete('firn', 'hash', 'path', './f'), ['./file one']);
  assert.deepEqual(complete('nix', 'hash', 'path', '--algo', 'sha2'), ['sha256']);
});

test('fish completes names and files, with what it is told of them', t => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), '');
  const complete = (line: string) => run('fish', `source '${scripts}/nix.fish'; complete -C '${line}'`, folder.path);
  const members = complete('nix config ');
  if (members === undefined) return t.skip('there is no fish');
  assert.deepEqual(members, ['check', 'show']);
  assert.deepEqual(complete('nix hash path ./f'), ['./file']);
  assert.match(complete('nix config show --js')?.join('\n') ?? '', /^--json\t.*JSON/);
});

test('zsh reads its script', t => {
  using folder = temporaryFolder();
  const functions = run('zsh', `fpath=('${scripts}'); autoload +X _nix && print loaded`, folder.path);
  if (functions === undefined) return t.skip('there is no zsh');
  assert.deepEqual(functions, ['loaded']);
});
