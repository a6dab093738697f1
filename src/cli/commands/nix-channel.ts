import { join } from 'node:path';
import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { profilesFolder } from '../../store/index.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { uninstallPackages } from '../environments/change-environment.ts';
import { addChannel, readChannels, writeChannels } from '../environments/channel-list.ts';
import { PackageSource } from '../environments/package-source.ts';
import { updateChannels } from '../environments/update-channels.ts';
import { CliError } from '../error.ts';
import { noArguments } from '../evaluation/evaluation-arguments.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { profileEnvironment } from '../profile-environment.ts';
import { listGenerations } from '../render/list-generations.ts';
import { switchProfileGeneration } from './nix-env-operations.ts';

type Operation = 'add' | 'remove' | 'list' | 'update' | 'list-generations' | 'rollback';

const operations: readonly Operation[] = ['add', 'remove', 'list', 'update', 'list-generations', 'rollback'];

const summaries: Readonly<Record<Operation, string>> = {
  add: 'Subscribe to a channel.',
  remove: 'End the subscription to a channel.',
  list: 'List the channels.',
  update: 'Fetch the channels anew.',
  'list-generations': 'List the generations of the channels.',
  rollback: 'Use an earlier generation of the channels.',
};

/** `nix-channel` */
export function nixChannel(context: CommandContext): LegacyCommand {
  let operation: Operation | undefined;
  const operands: ByteString[] = [];
  return {
    summary: 'Manages channels, sets of expressions that are kept up to date.',
    flags: operations.map(name => ({
      long: name,
      labels: [],
      summary: summaries[name],
      apply: () => (operation = name),
    })),
    otherFlag: spelling => {
      throw new CliError('usage/unrecognised-flag', `unsupported argument '${displayBytes(spelling)}'`);
    },
    argument: text => operands.push(text),
    run: async () => {
      if (operation === undefined) throw new CliError('usage/no-command', 'no command specified');
      await runOperation(operation, operands.map(displayBytes), context);
    },
  };
}

async function runOperation(operation: Operation, args: readonly string[], context: CommandContext): Promise<void> {
  const [first, second] = args;
  const refuse = (message: string) => new CliError('usage/unexpected-argument', `'--${operation}' ${message}`);
  const folder = profilesFolder(profileEnvironment(context.environment.dataFolder, context));
  makeFolder(realFileSystem, folder);
  const profile = join(folder, 'channels');
  switch (operation) {
    case 'add':
      if (first === undefined || args.length > 2) throw refuse('requires one or two arguments');
      addChannel(first, second, context);
      return;
    case 'remove':
      if (first === undefined || args.length > 1) throw refuse('requires one argument');
      return removeChannel(first, profile, context);
    case 'list':
      if (args.length > 0) throw refuse('expects no arguments');
      for (const [name, url] of [...readChannels(context)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        context.out.line(`${name} ${url}`);
      }
      return;
    case 'update':
      return updateChannels(new Set(args), profile, context);
    case 'list-generations':
      if (args.length > 0) throw refuse('expects no arguments');
      return listGenerations(profile, context);
    case 'rollback':
      if (args.length > 1) throw refuse('has at most one argument');
      return switchProfileGeneration(profile, first, context);
  }
}

async function removeChannel(name: string, profile: string, context: CommandContext): Promise<void> {
  const channels = readChannels(context);
  channels.delete(name);
  writeChannels(channels, context);
  const evaluation = context.resources.use(new Evaluation(context, noArguments()));
  const definitions = () => evaluation.evaluator.core.set([]);
  const source = new PackageSource(evaluation, context, { definitions, systemFilter: '*' });
  const change = { store: await evaluation.store(), source, profile, dryRun: false, context };
  await uninstallPackages(change, [byteStringFromText(name)]);
}
