import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { quoteForShell } from './quote-for-shell.ts';

export interface NixShellRcOptions {
  /** Deleted when the shell ends. */
  readonly folder: string;
  readonly isPure: boolean;
  /** The shell that reads the file: a path, or a name. */
  readonly shell: string;
  /** Makes the variables of structured attributes. */
  readonly structuredAttrs: ByteString;
  /** What the variable is outside. */
  readonly timeZone: string | undefined;
  /** Commands to run, if any. */
  readonly command: string;
}

/**
 * Commands of bash that make a shell of the environment of a derivation: stdenv's set-up is run, if there is one, the
 * programs of outside are found after those of the derivation, unless it is to be pure, and the shell hook is run.
 */
export function nixShellRc(options: NixShellRcOptions): ByteString {
  const { folder, isPure, shell, structuredAttrs, timeZone, command } = options;
  const shellFolder = dirname(shell);
  const colour = userInfo().uid === 0 ? 31 : 32;
  const prompt = String.raw`'\n\[\033[1;${colour}m\][nix-shell:\w]\$\[\033[0m\] '`;
  const lines = [
    `_nix_shell_clean_tmpdir() { command rm -rf ${quote(folder)}; }`,
    'trap _nix_shell_clean_tmpdir EXIT',
    'exitHooks+=(_nix_shell_clean_tmpdir)',
    'failureHooks+=(_nix_shell_clean_tmpdir)',
    ...(isPure ? [] : ['[ -n "$PS1" ] && [ -e ~/.bashrc ] && source ~/.bashrc', 'p=$PATH']),
    'unset PATH',
    'dontAddDisableDepTrack=1',
    structuredAttrs,
    '[ -e $stdenv/setup ] && source $stdenv/setup',
    ...(isPure ? [] : ['PATH=$PATH:$p', 'unset p']),
    shell.includes('/') ? `PATH=${quote(shellFolder)}:"$PATH"` : '',
    `SHELL=${quote(shell)}`,
    `BASH=${quote(shell)}`,
    'set +e',
    `[ -n "$PS1" -a -z "$NIX_SHELL_PRESERVE_PROMPT" ] && PS1=${prompt}`,
    'if [ "$(type -t runHook)" = function ]; then runHook shellHook; fi',
    'unset NIX_ENFORCE_PURITY',
    'shopt -u nullglob',
    'unset TZ',
    timeZone === undefined ? '' : `export TZ=${quote(timeZone)}`,
    'shopt -s execfail',
    command,
  ];
  return byteStringFromLatin1(lines.filter(line => line !== '').join('\n'));
}

function quote(text: string): ByteString {
  return quoteForShell(byteStringFromText(text));
}
