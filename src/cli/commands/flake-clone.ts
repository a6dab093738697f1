import { existsSync } from 'node:fs';
import { type ByteString, displayBytes, silentReporter } from '../../base/index.ts';
import { cloneRepository, repositoryOf } from '../../engine/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { copyTemplate } from '../flakes/copy-template.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';
import { absolutePath, fsPathOf } from '../paths.ts';

/** `nix flake clone` */
export function flakeClone(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  let destination: ByteString | undefined;
  return {
    summary: 'Clones the repository of a flake.',
    flags: [
      ...wanted.flags,
      {
        long: 'dest',
        short: 'f',
        labels: ['path'],
        summary: 'The folder to be made.',
        apply: path => (destination = path),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      if (destination === undefined) throw new CliError('flake/no-destination', "missing flag '--dest'");
      const evaluation = wanted.evaluation();
      const flake = await evaluation.registries.resolve(wanted.reference(), 'all');
      const folder = absolutePath(destination);
      const repository = repositoryOf(flake.input.attributes);
      if (repository !== undefined) {
        await cloneRepository(repository, displayBytes(folder), context.signal);
        return;
      }
      if (existsSync(fsPathOf(folder))) {
        throw new CliError('output/exists', `cannot clone into existing path "${displayBytes(folder)}"`);
      }
      const { path } = await evaluation.flakes.fetch(flake, 'none');
      const { io } = evaluation.evaluator;
      copyTemplate(io, silentReporter, printStorePath(io.storeDir, path), folder);
    },
  };
}
