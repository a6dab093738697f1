import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText, silentReporter } from '../../base/index.ts';
import { parseSshAuthority } from './ssh-authority.ts';
import { SshCommand, type SshOptions } from './ssh-command.ts';
import { splitShellWords } from './split-shell-words.ts';

function command(authority: string, options: Partial<SshOptions> = {}): SshCommand {
  return new SshCommand({
    authority: parseSshAuthority('ssh', byteStringFromText(authority)),
    keyFile: '',
    hostKey: '',
    compress: false,
    shares: false,
    environment: {},
    reporter: silentReporter,
    ...options,
  });
}

test('words are split as a shell does', () => {
  assert.deepEqual(splitShellWords(''), []);
  assert.deepEqual(splitShellWords('  -p 22\t-i \n"a b" '), ['-p', '22', '-i', 'a b']);
  assert.deepEqual(splitShellWords(String.raw`a'b c'd\ e "f\"g\n" ''`), ['ab cd e', String.raw`f"g\n`, '']);
  assert.throws(() => splitShellWords("a 'b"), /unterminated single quote/);
  assert.throws(() => splitShellWords('a "b'), /unterminated double quote/);
});

test('localhost needs no ssh, unless somebody or some port is named', () => {
  using direct = command('localhost');
  assert.deepEqual(direct.commandLine(['nix-store', '--serve']), ['nix-store', '--serve']);
  using other = command('me@localhost:2222', { compress: true, environment: { NIX_SSHOPTS: '-o "A B"' } });
  assert.deepEqual(other.commandLine(['nix-store', '--serve']), [
    'ssh',
    'me@localhost',
    '-x',
    '-o',
    'A B',
    '-C',
    '-p2222',
    '-oPermitLocalCommand=yes',
    '-oLocalCommand=echo started',
    '--',
    'nix-store',
    '--serve',
  ]);
});

test('the key of a host is in a file as long as it is needed', () => {
  let folder: string;
  {
    using ssh = command('host', { hostKey: Buffer.from('ssh-ed25519 AAAA').toString('base64') });
    const option = ssh.commandLine(['x']).find(each => each.startsWith('-oUserKnownHostsFile=')) ?? '';
    const file = option.slice(option.indexOf('=') + 1);
    assert.equal(readFileSync(file, 'utf8'), 'host ssh-ed25519 AAAA\n');
    folder = dirname(file);
  }
  assert.equal(existsSync(folder), false);
});

test('what ssh would take for options is refused', () => {
  for (const bad of ['-oProxyCommand=x', '-x@host', '@host', '']) {
    assert.throws(
      () => parseSshAuthority('ssh', byteStringFromText(bad)),
      /invalid SSH authority|not a valid URL/,
      bad,
    );
  }
});
