import { type ByteString, displayBytes } from '../../base/index.ts';
import { completePath } from '../args/complete-path.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';

/** `firn execute` */
export function execute(context: CommandContext): Command {
  let server = 'grpc://127.0.0.1';
  let inputs: string | undefined;
  let isFresh = false;
  let command: readonly ByteString[] = [];
  const properties: (readonly [string, string])[] = [];
  const variables: (readonly [string, string])[] = [];
  const outputs: string[] = [];
  return {
    summary: 'Has a server of remote execution run a command, and shows what came of it.',
    isStable: true,
    flags: [
      {
        long: 'server',
        labels: ['url'],
        summary:
          'Where to run it: grpc://HOST[:PORT][/INSTANCE], grpcs://…, unix:///PATH. FIRN_REAPI_TOKEN is the token, if it takes one.',
        apply: url => (server = displayBytes(url)),
      },
      {
        long: 'property',
        labels: ['name=value'],
        summary: 'A platform property, such as nix-closure; may be given several times.',
        apply: text => properties.push(assignment('property', text)),
      },
      {
        long: 'env',
        labels: ['name=value'],
        summary: 'A variable of its environment, which has no other; may be given several times.',
        apply: text => variables.push(assignment('env', text)),
      },
      {
        long: 'inputs',
        labels: ['folder'],
        summary: 'What it finds in its working folder; nothing unless given.',
        complete: completePath,
        apply: path => (inputs = displayBytes(absolutePath(path))),
      },
      {
        long: 'output',
        labels: ['path'],
        summary: 'A file or folder that it makes, to be put into the current folder; may be given several times.',
        apply: path => outputs.push(displayBytes(path)),
      },
      switchFlag('fresh', 'Run it again, also where its result is known.', () => (isFresh = true)),
    ],
    positionals: [{ label: 'command', arity: 'any', apply: (...words) => (command = words) }],
    run: async () => {
      if (command.length === 0)
        throw new CliError('usage/missing-argument', "'firn execute' requires a command: -- PROGRAM…");
      const { runRemotely } = await import('../execute/run-remotely.ts');
      await runRemotely(
        { server, inputs, isFresh, properties, variables, outputs, arguments: command.map(displayBytes) },
        context,
      );
    },
  };
}

function assignment(flag: string, text: ByteString): readonly [string, string] {
  const shown = displayBytes(text);
  const at = shown.indexOf('=');
  if (at > 0) return [shown.slice(0, at), shown.slice(at + 1)];
  throw new CliError('usage/bad-value', `'--${flag} ${shown}': NAME=VALUE is expected`);
}
