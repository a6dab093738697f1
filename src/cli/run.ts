import { type ByteString, FirnError, byteStringFromText } from '../base/index.ts';
import { type ParsedCommand, parseCommand } from './args/parse-command.ts';
import { parseLegacy } from './args/parse-legacy.ts';
import { readNixScript } from './args/nix-script.ts';
import { readArguments } from './args/read-arguments.ts';
import type { Command, CommandContext, LegacyCommand } from './command.ts';
import { type NixFlags, globalFlags, legacyFlags, nixFlags, withSettings } from './global-flags.ts';
import { commandTree, legacyNames, loadLegacyCommand } from './commands/table.ts';
import { Environment } from './environment.ts';
import { CliError } from './error.ts';
import { ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { Modes } from './modes.ts';
import { Logger } from './render/logger.ts';
import { absolutePath } from './paths.ts';
import { reportError } from './render/report-error.ts';
import { StandardOutput } from './render/standard-output.ts';
import { hostEnvironment } from './settings/host.ts';
import { InvocationSettings } from './settings/invocation-settings.ts';
import { loadSettings } from './settings/load-settings.ts';
import { versionText } from './render/version-details.ts';
import { wrapWords } from './render/wrap-words.ts';

/** What C++ Nix ends with where contents are not those that were expected. */
const hashMismatchStatus = 102;

/** Runs what the command line asks for and returns the exit status. Whatever goes wrong is reported. */
export async function run(calledAs: string, argv: readonly string[]): Promise<number> {
  // `firn nix-store ...` is `nix-store ...` for those without our bin/ on their PATH.
  const [first, ...rest] = argv;
  const named = calledAs === 'firn' && first !== undefined && legacyNames.includes(first);
  return named ? runAs(first, rest) : runAs(calledAs, argv);
}

async function runAs(program: string, argv: readonly string[]): Promise<number> {
  using interruption = new Interruption();
  await using resources = new AsyncDisposableStack();
  const out: StandardOutput = new StandardOutput(endsLine => log.makeRoom(endsLine));
  const log: Logger = new Logger({ variables: process.env, beforeWrite: () => flushQuietly(out) });
  const warn = (message: string) => log.warn(message);
  try {
    const environment = new Environment(process.env, warn);
    const given = readArguments(argv);
    const script = program === 'nix' ? readNixScript(given) : undefined;
    const settings = new InvocationSettings(hostEnvironment(environment), warn);
    const context: CommandContext = {
      program,
      get baseFolder() {
        return script?.folder ?? absolutePath(byteStringFromText('.'));
      },
      out,
      log,
      settings,
      environment,
      modes: new Modes(warn),
      resources,
      get signal() {
        return interruption.signal;
      },
    };
    loadSettings(settings, environment);
    await dispatch(program, script?.args ?? given, context);
    out.flush();
    return 0;
  } catch (error) {
    if (error instanceof Done) return finish(out, log, program);
    if (error instanceof ExitStatus) return Math.max(error.status, finish(out, log, program));
    log.stopProgress();
    reportError(log, interruption.reason ?? error, program);
    return error instanceof FirnError && error.code === 'eval/hash-mismatch' ? hashMismatchStatus : 1;
  } finally {
    log.close();
  }
}

/** Thrown by flags that end the command early and well, `--version` and `--help`. */
class Done extends Error {}

function finish(out: StandardOutput, log: Logger, program: string): number {
  try {
    out.flush();
    return 0;
  } catch (error) {
    reportError(log, error, program);
    return 1;
  }
}

/** Errors of standard output are met again at its next use or at the end. */
function flushQuietly(out: StandardOutput): void {
  try {
    out.flush();
  } catch {
    // The message that is about to be written matters more.
  }
}

async function dispatch(program: string, args: readonly ByteString[], context: CommandContext): Promise<void> {
  const runEnv = byteStringFromText('--run-env');
  // How `nix-shell` was called when it had no name of its own.
  if (program === 'nix-build' && args.includes(runEnv)) {
    await runLegacy(
      'nix-shell',
      args.filter(each => each !== runEnv),
      context,
    );
    return;
  }
  if (program === 'nix' && args[0] === byteStringFromText('__build-remote')) {
    const { runBuildHook } = await import('./machines/run-build-hook.ts');
    await runBuildHook(args.slice(1), context);
    return;
  }
  if (legacyNames.includes(program)) await runLegacy(program, args, context);
  else await runCommand(program, args, context);
}

async function runLegacy(name: string, args: readonly ByteString[], context: CommandContext): Promise<void> {
  const { out, settings } = context;
  const command = await makeLegacyCommand(name, context);
  const own = [
    {
      long: 'version',
      labels: [],
      summary: 'Show the version.',
      apply: () => {
        out.write(Buffer.from(versionText(name, context)));
        throw new Done();
      },
    },
    { long: 'help', labels: [], summary: 'Show this.', apply: () => (helpRequested = true) },
    ...command.flags,
  ];
  let helpRequested = false;
  const shared = [...globalFlags(context), ...legacyFlags(context)];
  const rewritten = command.rewriteArguments?.(args) ?? args;
  parseLegacy(rewritten, { ...command, flags: own }, withSettings(shared, context));
  if (helpRequested) {
    const [{ legacyHelp }, { showPaged }] = await Promise.all([
      import('./render/help.ts'),
      import('./render/show-paged.ts'),
    ]);
    showPaged(legacyHelp(name, command, shared), context);
    // Ours needs no pages of a manual, but scripts find out by this whether there are any.
    const { findProgram } = await import('./shell/become-program.ts');
    const { PATH } = context.environment.variables;
    if (findProgram('man', PATH === undefined ? {} : { PATH }) !== undefined) return;
    const message = `The 'man' command was not found, but it is needed for '${name}' and some other 'nix-*' commands' help text. Perhaps you could install the 'man' command?`;
    throw new CliError('help/no-manual', message);
  }
  settings.warnUnknown();
  context.log.showTrace = settings.get('show-trace');
  await command.run();
}

/** For a command that this version lacks, one that refuses to run: it has a version all the same. */
async function makeLegacyCommand(name: string, context: CommandContext): Promise<LegacyCommand> {
  try {
    const create = await loadLegacyCommand(name);
    return create(context);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const refuse = (): never => {
      throw error;
    };
    return { summary: error.message, flags: [], otherFlag: () => true, argument: () => {}, run: refuse };
  }
}

async function runCommand(program: string, args: readonly ByteString[], context: CommandContext): Promise<void> {
  const { out, log, settings } = context;
  // Configuration has no say in this: only `--impure` and `--no-pure-eval` have.
  settings.presume('pure-eval', 'true');
  log.format = 'bar';
  log.verbosity = log.colours ? 'notice' : 'info';
  const tree = commandTree(context);
  const seen: NixFlags = { help: false, version: false };
  const shared = [...globalFlags(context), ...nixFlags(context, seen)];
  const position = context.environment.completionPosition;
  if (position !== undefined) return printCompletions(args, position, context);
  if (args.length === 1 && args[0] === '__dump-cli') {
    const { dumpCli } = await import('./commands/dump-cli.ts');
    out.line(await dumpCli(context));
    return;
  }
  const parsed: ParsedCommand<Command> = { path: [], command: undefined, features: new Set() };
  try {
    await parseCommand(args, tree, parsed, { common: withSettings(shared, context), warn: text => log.warn(text) });
    settings.warnUnknown();
    context.log.showTrace = settings.get('show-trace');
    for (const feature of parsed.features) settings.require(feature);
  } catch (error) {
    // Whoever asks for help gets it, even where the rest of the command line is wrong.
    if (!seen.help || !(error instanceof CliError && error.code.startsWith('usage/'))) throw error;
  }
  const jsonLogPath = settings.get('json-log-path');
  if (jsonLogPath !== undefined) log.copyTo(jsonLogPath);
  if (seen.help) {
    const { showHelp } = await import('./commands/help.ts');
    return showHelp(parsed, context);
  }
  if (seen.version) {
    out.write(Buffer.from(versionText(program, context)));
    return;
  }
  const { command, path } = parsed;
  if (path.length === 0) throw new CliError('usage/no-command', 'no subcommand specified');
  if (command?.isStable !== true) settings.require('nix-command');
  if (command === undefined) throw missingMember(tree, path);
  await command.run();
}

async function printCompletions(args: readonly ByteString[], position: number, context: CommandContext): Promise<void> {
  const { completeCommand } = await import('./args/complete-command.ts');
  const { out, log } = context;
  // Nobody sees messages behind a prompt, but they would destroy it.
  log.format = 'raw';
  log.verbosity = 'error';
  const shared = [...globalFlags(context), ...nixFlags(context, { help: false, version: false })];
  const find = withSettings(shared, context);
  const completions = await completeCommand(args, position, commandTree(context), { shared, find });
  out.write(Buffer.from(completions.format(), 'latin1'));
}

/** Where C++ Nix breaks the lines of this message. */
const messageWidth = 59;

function missingMember(tree: ReturnType<typeof commandTree>, path: readonly string[]): CliError {
  let group = tree;
  for (const name of path) {
    const member = group.members[name];
    if (member?.kind === 'group') group = member;
  }
  const names = Object.keys(group.members).toSorted();
  const list = names.map(name => `  · ${name}`).join('\n');
  const sentence = `nix ${path.join(' ')} requires a sub-command. Available sub-commands:`;
  return new CliError('usage/no-command', `${wrapWords(sentence, messageWidth)}\n\n${list}`);
}
