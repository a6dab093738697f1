import { displayBytes } from '../../base/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import { requireFacet } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { CopyArguments } from '../installables/copy-arguments.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { resolveInstallables } from '../installables/resolve-installables.ts';

/** `nix store copy-log` */
export function storeCopyLog(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  const stores = new CopyArguments(context);
  return {
    summary: 'Copies the logs of builds from one store to another.',
    flags: [...wanted.flags, ...stores.flags],
    positionals: wanted.positionals,
    run: async () => {
      const { signal } = context;
      await using from = await stores.openSource();
      await using to = await stores.openDestination();
      const writer = requireFacet(to, 'writer', 'addBuildLog');
      const installables = await wanted.resolve(from);
      for (const path of new Set(await resolveInstallables(from, installables, { operateOn: 'derivation', context }))) {
        const text = await from.buildLog(path, { signal });
        if (text === undefined) {
          const printed = displayBytes(printStorePath(from.storeDir, path));
          throw new CliError('log/absent', `build log for '${printed}' is not available`);
        }
        await writer.addBuildLog(path, text, { signal });
      }
    },
  };
}
