import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { commandFlag } from '../shell/command-flag.ts';
import { becomeProgram, placeOfStore } from '../shell/become-program.ts';
import { DevelopmentArguments } from '../shell/development-arguments.ts';
import { developmentScript } from '../shell/development-script.ts';
import { EnvironmentFlags, ownVariables } from '../shell/environment-flags.ts';
import { makeShellFolder } from '../shell/make-shell-folder.ts';
import { quoteForShell } from '../shell/quote-for-shell.ts';

/** `nix develop` */
export function develop(context: CommandContext): Command {
  const wanted = new DevelopmentArguments(context);
  const environmentFlags = new EnvironmentFlags();
  let command: readonly ByteString[] | undefined;
  let phase: string | undefined;
  const phaseFlag = (long: string, name: string): Flag => {
    return { long, labels: [], summary: `Run the phase '${name}'.`, apply: () => (phase = name) };
  };
  return {
    summary: 'Runs a shell in the build environment of a derivation.',
    flags: [
      ...wanted.flags,
      ...environmentFlags.flags,
      commandFlag(words => (command = words)),
      {
        long: 'phase',
        labels: ['phase-name'],
        summary: "Run this phase of stdenv's.",
        apply: name => (phase = displayBytes(name)),
      },
      ...['unpack', 'configure', 'build', 'check', 'install'].map(name => phaseFlag(name, name)),
      phaseFlag('installcheck', 'installCheck'),
    ],
    positionals: wanted.positionals,
    run: async () => {
      const folder = makeShellFolder(context, 'nix-develop');
      try {
        const { place, gcRoot, environment, shell } = await prepare(folder);
        const variables = {
          ...environmentFlags.apply(ownVariables()),
          NIX_GCROOT: displayBytes(gcRoot),
          SHELL: shell,
        };
        const rcFile = join(folder, 'rc');
        writeFileSync(rcFile, bytesOf(environment));
        const isInteractive = phase === undefined && command === undefined;
        const args = isInteractive ? ['bash', '--rcfile', rcFile] : ['bash', rcFile];
        await becomeProgram(context, place, { file: shell, args, environment: variables });
      } catch (error) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
    },
  };

  async function prepare(folder: string) {
    await using store = await openCommandStore(context);
    const { environment, path } = await wanted.build(store);
    const options = { folder, outputsFolder: join(process.cwd(), 'outputs') };
    const redirects = await wanted.redirects(store, developmentScript(environment, options));
    const script = developmentScript(environment, { ...options, redirects });
    // Files of structured attributes are read by what the shell runs.
    const garbage = environment.structuredAttrs === undefined ? folder : join(folder, 'rc');
    const whole = `${script}${tracing(context)}command rm -rf ${quoteForShell(byteStringFromText(garbage))}\n`;
    const programs = await wanted.findInteractiveBash(store);
    return {
      place: placeOfStore(store),
      gcRoot: printStorePath(store.storeDir, path),
      environment: finishScript(context, whole, { phase, command, programs }),
      shell: programs === undefined ? 'bash' : `${displayBytes(programs)}/bash`,
    };
  }
}

function tracing({ log }: CommandContext): string {
  return log.verbosity === 'debug' || log.verbosity === 'vomit' ? 'set -x\n' : '';
}

interface Purpose {
  readonly phase: string | undefined;
  readonly command: readonly ByteString[] | undefined;
  /** Where bash is, if not on the path. */
  readonly programs: ByteString | undefined;
}

/** `script`, and what the shell is for. */
function finishScript({ settings }: CommandContext, script: string, purpose: Purpose): ByteString {
  const { phase, command, programs } = purpose;
  let whole: string;
  if (phase !== undefined) {
    if (command !== undefined) {
      throw new CliError('usage/useless-flag', "you cannot use both '--command' and '--phase'");
    }
    // The build phase would set it, and others look at it.
    whole = `${script}foundMakefile=1\nrunHook ${phase}Phase\n`;
  } else if (command !== undefined) whole = `${script}exec ${command.map(quoteForShell).join(' ')}\n`;
  else {
    const own = '[ -n "$PS1" ] && [ -e ~/.bashrc ] && source ~/.bashrc\n';
    whole = `${own}shopt -u expand_aliases\n${script}\nshopt -s expand_aliases\n`;
    const quoted = (name: 'bash-prompt' | 'bash-prompt-prefix' | 'bash-prompt-suffix') => {
      const text = settings.get(name);
      return text === '' ? undefined : quoteForShell(byteStringFromText(text));
    };
    const [prompt, prefix, suffix] = [
      quoted('bash-prompt'),
      quoted('bash-prompt-prefix'),
      quoted('bash-prompt-suffix'),
    ];
    if (prompt !== undefined) whole += `[ -n "$PS1" ] && PS1=${prompt}\n`;
    if (prefix !== undefined) whole += `[ -n "$PS1" ] && PS1=${prefix}"$PS1"\n`;
    if (suffix !== undefined) whole += `[ -n "$PS1" ] && PS1+=${suffix}\n`;
  }
  const shell =
    programs === undefined ? 'SHELL=bash\n' : `SHELL="${programs}/bash"\nPATH="${programs}\${PATH:+:$PATH}"\n`;
  return byteStringFromLatin1(whole + shell);
}
