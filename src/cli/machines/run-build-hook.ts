import { writeSync } from 'node:fs';
import { type ByteString, displayBytes, textOf } from '../../base/index.ts';
import { WireReader, verbosityOf } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openStandardChannel } from '../standard-channel.ts';
import { readMachines } from './read-machines.ts';

/**
 * `nix __build-remote VERBOSITY`: what a daemon of C++ Nix starts to have derivations built elsewhere (its "build hook"). It
 * gets the daemon's settings and then requests at standard input, and answers by lines of standard error that begin with
 * `# `, between messages in JSON.
 */
export async function runBuildHook(args: readonly ByteString[], context: CommandContext): Promise<void> {
  const [verbosity, ...rest] = args.map(displayBytes);
  if (verbosity === undefined || !/^[0-9]+$/.test(verbosity) || rest.length > 0) {
    throw new CliError('usage/missing-argument', 'called without required arguments');
  }
  const { log } = context;
  log.format = 'internal-json';
  log.verbosity = verbosityOf(Number(verbosity));
  // ssh must not ask anybody anything.
  delete process.env['DISPLAY'];
  delete process.env['SSH_ASKPASS'];
  await using channel = openStandardChannel();
  await using reader = new WireReader(channel.source);
  await readSettings(reader, context);
  const machines = readMachines(context);
  log.log('debug', `got ${machines.length} remote builders`);
  if (machines.length === 0) return answer('decline-permanently');
}

/** What those do not know that started us is no matter: they are of another version, as a rule. */
async function readSettings(reader: WireReader, { settings }: CommandContext): Promise<void> {
  while ((await reader.number()) !== 0) {
    const name = displayBytes(await reader.string());
    const value = textOf(await reader.string());
    const known = settings.find(name);
    if (known !== undefined && value !== undefined) settings.assign(name, value);
  }
}

/** Between messages: nothing of it may wait in a buffer. */
function answer(text: string): void {
  writeSync(2, `# ${text}\n`);
}
