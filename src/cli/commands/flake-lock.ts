import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type InputPath, formatInputPath, parseInputPath } from '../../engine/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { completeFlake, completeInputsOf } from '../flakes/complete-flake.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';

/** `nix flake lock` */
export function flakeLock(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  return {
    summary: "Adds what is missing to a flake's lock file.",
    flags: wanted.flags.filter(({ long }) => long !== 'no-write-lock-file'),
    positionals: wanted.positionals,
    run: async () => {
      context.settings.assign('tarball-ttl', '0');
      await wanted.lock({ writes: true, failsOnUnlocked: true });
    },
  };
}

/** `nix flake update` */
export function flakeUpdate(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  let url = byteStringFromText('.');
  let names: readonly ByteString[] = [];
  return {
    summary: 'Locks the inputs of a flake anew, or those that are named.',
    flags: [
      ...wanted.flags.filter(({ long }) => long !== 'no-write-lock-file' && long !== 'no-update-lock-file'),
      {
        long: 'flake',
        labels: ['flake-url'],
        summary: 'The flake; that in the working folder unless given.',
        complete: completeFlake(context),
        apply: given => {
          url = given;
          wanted.setUrl(given);
        },
      },
    ],
    positionals: [
      {
        label: 'inputs',
        arity: 'any',
        complete: completeInputsOf(context, () => [url]),
        apply: (...given) => (names = given),
      },
    ],
    run: async () => {
      context.settings.assign('tarball-ttl', '0');
      const updatedInputs = readInputs(context, names.map(displayBytes));
      const inputs = [...wanted.lockFlags.updatedInputs, ...updatedInputs];
      await wanted.lock({ writes: true, recreates: inputs.length === 0, updatedInputs: inputs });
    },
  };
}

function readInputs({ log }: CommandContext, names: readonly string[]): InputPath[] {
  const paths = new Map<string, InputPath>();
  for (const name of names) {
    const path = readInput(name, message => log.warn(message));
    const shown = formatInputPath(path);
    if (paths.has(shown)) {
      log.warn(`Input '${shown}' was specified multiple times. You may have done this by accident.`);
    }
    paths.set(shown, path);
  }
  return [...paths.values()];
}

function readInput(name: string, warn: (message: string) => void): InputPath {
  try {
    const path = parseInputPath(name);
    if (path.length > 0) return path;
    const message = 'input path to be updated cannot be zero-length; it would refer to the flake itself, not an input';
    throw new CliError('usage/bad-value', message);
  } catch (error) {
    const instead = `To update a specific flake, use 'nix flake update --flake ${name}' instead.`;
    warn(`Invalid flake input '${name}'. ${instead}`);
    throw error;
  }
}
