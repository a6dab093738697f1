import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from '../../base/index.ts';
import { formatJson } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { buildEnvironmentToJson } from '../shell/build-environment.ts';
import { DevelopmentArguments } from '../shell/development-arguments.ts';
import { developmentScript } from '../shell/development-script.ts';
import { makeShellFolder } from '../shell/make-shell-folder.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix print-dev-env` */
export function printDevEnv(context: CommandContext): Command {
  const wanted = new DevelopmentArguments(context);
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Prints commands of bash that give a shell the build environment of a derivation.',
    flags: [
      ...wanted.flags,
      { long: 'json', labels: [], summary: 'Print the environment as JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const { environment } = await wanted.build(store);
      if (json) {
        context.out.byteLine(formatJson(buildEnvironmentToJson(environment), pretty ? 2 : undefined));
        return;
      }
      const folder = makeShellFolder(context, 'nix-dev-env');
      try {
        const options = { folder, outputsFolder: join(process.cwd(), 'outputs') };
        const script = developmentScript(environment, options);
        const redirects = await wanted.redirects(store, script);
        context.out.write(bytesOf(developmentScript(environment, { ...options, redirects })));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
