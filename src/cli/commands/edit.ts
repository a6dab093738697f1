import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { editorCommand, packagePlace } from '../repl/editor-command.ts';
import { becomeProgram } from '../shell/become-program.ts';
import { ownVariables } from '../shell/environment-flags.ts';

/** `nix edit` */
export function edit(context: CommandContext): Command {
  const source = new SourceArguments(context);
  let installable: ByteString = byteStringFromText('.');
  source.namedTexts = () => [installable];
  return {
    summary: 'Opens the expression of a package in an editor.',
    flags: source.flags,
    positionals: [
      {
        label: 'installable',
        arity: 1,
        optional: true,
        complete: source.complete,
        apply: given => (installable = given),
      },
    ],
    run: async () => {
      const args = await source.evaluateOne(installable, ({ evaluator }, value) => {
        try {
          return editorCommand(packagePlace(evaluator, value, installable));
        } catch (error) {
          if (!(error instanceof CliError && error.code === 'repl/no-place')) throw error;
          const message = `cannot find position information for '${displayBytes(installable)}`;
          throw new CliError('repl/no-place', message, { cause: error });
        }
      });
      const environment = ownVariables();
      // The editor sees the machine as it is.
      const place = { storeDir: context.environment.storeDir, realStoreDir: undefined };
      await becomeProgram(context, place, { file: args[0] ?? 'cat', args, environment });
    },
  };
}
