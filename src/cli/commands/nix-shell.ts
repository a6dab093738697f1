import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { type AutoArguments, type Word, findPackages, takesArgument, trueWord } from '../../eval/index.ts';
import { type Flag, switchFlag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationArguments, evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { parseText } from '../evaluation/source-expression.ts';
import { BuildOperands } from '../installables/build-operands.ts';
import { type DerivationOutput, derivationOutputOf } from '../installables/derivation-output.ts';
import { openRealising } from '../installables/realising.ts';
import { absolutePath } from '../paths.ts';
import { becomeProgram, findProgram, placeOfStore } from '../shell/become-program.ts';
import { ownVariables } from '../shell/environment-flags.ts';
import { makeShellFolder } from '../shell/make-shell-folder.ts';
import { nixShellRc } from '../shell/nix-shell-rc.ts';
import { quoteForShell } from '../shell/quote-for-shell.ts';
import { realiseShellInputs } from '../shell/realise-shell-inputs.ts';
import { makeShellEnvironment, startVariables } from '../shell/shell-environment.ts';
import { parseShellFile } from '../shell/parse-shell-file.ts';
import { readShebang } from '../shell/shebang.ts';

/** What the command line asks for beside derivations. */
interface Request {
  isPure: boolean;
  isDry: boolean;
  /** Whether operands are packages of nixpkgs. */
  arePackages: boolean;
  isInteractive: boolean;
  /** What the shell runs before it is asked for more, or ends. */
  command: string;
  readonly kept: Set<string>;
  readonly excluded: string[];
  /** The script that is run by us, if so, with its arguments. */
  script: { readonly file: ByteString; readonly args: readonly ByteString[] } | undefined;
}

/** `nix-shell` */
export function nixShell(context: CommandContext): LegacyCommand {
  const from = noArguments();
  const operands = new BuildOperands();
  const request: Request = {
    isPure: false,
    isDry: false,
    arePackages: false,
    // As bash decides.
    isInteractive: isatty(0) && isatty(2),
    command: '',
    kept: new Set(),
    excluded: [],
    script: undefined,
  };
  return {
    summary: 'Runs a shell in the build environment of a derivation.',
    flags: [
      ...operands.flags,
      ...shellFlags(request),
      ...evaluationFlags(from),
      {
        long: 'interpreter',
        short: 'i',
        labels: ['program'],
        summary: 'In scripts: run the script by this program.',
        apply: program => (request.command = interpreterCommand(request, program)),
      },
    ],
    rewriteArguments: args => {
      const [file, ...others] = args;
      const words = file === undefined ? undefined : readShebang(file);
      if (file === undefined || words === undefined) return args;
      request.script = { file, args: others };
      return words;
    },
    otherFlag: operands.otherFlag,
    argument: text => operands.operands.push(text),
    run: async () => {
      if (request.arePackages && operands.areTexts) {
        throw new CliError('usage/useless-flag', "'-p' and '-E' are mutually exclusive");
      }
      context.modes.plansOnly = request.isDry;
      chooseOperands(context, request, operands);
      process.env['IN_NIX_SHELL'] = request.isPure ? 'pure' : 'impure';
      if (request.script !== undefined) prepareScript(context, request.script.file, from);
      const folder = makeShellFolder(context, 'nix-shell');
      try {
        const prepared = await prepare(context, { request, operands, from, folder });
        if (prepared !== undefined) await becomeProgram(context, prepared.place, prepared.program);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function shellFlags(request: Request): Flag[] {
  const runs = (long: string, summary: string, apply: () => void): Flag => ({
    long,
    labels: ['command'],
    summary,
    apply: command => {
      request.command = `${command}\nexit`;
      apply();
    },
  });
  return [
    switchFlag('pure', 'Clear the environment, but for some variables.', () => (request.isPure = true)),
    switchFlag('dry-run', 'Say what would be done, and do nothing.', () => (request.isDry = true)),
    switchFlag('packages', 'Take arguments for packages of nixpkgs.', () => (request.arePackages = true), {
      short: 'p',
    }),
    runs('command', 'Run this command in an interactive shell, then leave it.', () => undefined),
    runs('run', 'Run this command in a shell that is not interactive.', () => (request.isInteractive = false)),
    {
      long: 'keep',
      labels: ['name'],
      summary: 'Keep this variable in a pure shell.',
      apply: name => request.kept.add(displayBytes(name)),
    },
    {
      long: 'exclude',
      labels: ['regex'],
      summary: 'Do not build inputs whose paths match.',
      apply: regex => request.excluded.push(displayBytes(regex)),
    },
    switchFlag('check', 'Has no effect.', () => undefined),
    switchFlag('add-drv-link', 'Has no effect.', () => undefined),
    switchFlag('indirect', 'Has no effect.', () => undefined),
    switchFlag('no-out-link', 'Has no effect.', () => undefined, { aliases: ['no-link'] }),
    { long: 'drv-link', labels: ['path'], summary: 'Has no effect.', apply: () => {} },
    { long: 'out-link', short: 'o', labels: ['path'], summary: 'Has no effect.', apply: () => {} },
  ];
}

/** How a script is run by its interpreter. Throws `usage/unrecognised-flag` where there is no script. */
function interpreterCommand(request: Request, program: ByteString): string {
  const { script } = request;
  if (script === undefined) throw new CliError('usage/unrecognised-flag', "unrecognised flag '-i'");
  request.isInteractive = false;
  // Perl runs what the first line of its script names, unless it is called by another name.
  const name = program.includes('perl') ? '-a PERL' : '';
  // Ruby looks for its options there: loaded by another script, it does not.
  const load = program.includes('ruby') ? "-e 'load(ARGV.shift)' --" : '';
  const args = script.args.map(word => `${quoteForShell(word)} `).join('');
  return ['exec', name, program, load, quoteForShell(script.file), args].filter(word => word !== '').join(' ');
}

function chooseOperands({ settings }: CommandContext, request: Request, operands: BuildOperands): void {
  if (request.arePackages) {
    const packages = operands.operands.map(text => `(${text}) `).join('');
    const shell = `(pkgs.runCommandCC or pkgs.runCommand) "shell" { buildInputs = [ ${packages}]; } ""`;
    operands.operands = [byteStringFromLatin1(`{...}@args: with import <nixpkgs> args; ${shell}`)];
    operands.areTexts = true;
    return;
  }
  if (operands.areTexts || operands.operands.length > 0) return;
  if (!settings.get('nix-shell-always-looks-for-shell-nix') && existsSync('shell.nix')) {
    operands.operands = [byteStringFromText('shell.nix')];
    return;
  }
  operands.operands = [byteStringFromText('.')];
  if (!existsSync('shell.nix') && !existsSync('default.nix')) {
    const message = "no argument specified and no 'shell.nix' or 'default.nix' file found in the working directory";
    throw new CliError('shell/no-file', message);
  }
}

function prepareScript({ settings }: CommandContext, script: ByteString, from: EvaluationArguments): void {
  if (settings.get('nix-shell-shebang-arguments-relative-to-script')) from.baseFolder = folderOf(script);
}

function folderOf(script: ByteString): ByteString {
  return byteStringFromLatin1(dirname(absolutePath(script)));
}

interface Preparation {
  readonly request: Request;
  readonly operands: BuildOperands;
  readonly from: EvaluationArguments;
  readonly folder: string;
}

/** Builds what the shell needs and writes its files. Undefined where that is only to be told. */
async function prepare(context: CommandContext, { request, operands, from, folder }: Preparation) {
  await using evaluation = new Evaluation(context, from);
  const [derivation, ...others] = await evaluateOperands(evaluation, request, { operands, from });
  if (derivation === undefined || others.length > 0) {
    throw new CliError('usage/unexpected-argument', 'nix-shell requires a single derivation');
  }
  const store = await evaluation.store();
  const evalStore = await evaluation.evalStore();
  const named = process.env['NIX_BUILD_SHELL'];
  const interactive = named === undefined ? await findInteractiveShell(context, evaluation) : undefined;
  await using realising = await openRealising(store, context, { evalStore });
  const inputs = await realiseShellInputs(
    { store, evalStore, realising },
    { derivation: derivation.path, shell: interactive, excluded: request.excluded, isDry: request.isDry },
  );
  if (inputs === undefined) return undefined;
  const shell = named ?? inputs.shell ?? 'bash';
  const start = startVariables(ownVariables(), request);
  const made = await makeShellEnvironment(store, { derivation: inputs.derivation, folder, start }, context);
  const rcFile = join(folder, 'rc');
  const { isPure, command } = request;
  const timeZone = process.env['TZ'];
  const { structuredAttrs } = made;
  writeFileSync(rcFile, bytesOf(nixShellRc({ folder, isPure, shell, structuredAttrs, timeZone, command })));
  const args = request.isInteractive ? ['bash', '--rcfile', rcFile] : ['bash', rcFile];
  // Looked up by the PATH of whoever calls: that of the derivation need not have it, and C++ Nix fails then.
  const file = findProgram(shell, ownVariables()) ?? shell;
  return { place: placeOfStore(store), program: { file, args, environment: made.variables } };
}

function evaluateOperands(
  evaluation: Evaluation,
  request: Request,
  { operands, from }: Pick<Preparation, 'operands' | 'from'>,
): Promise<DerivationOutput[]> {
  const { evaluator, args } = evaluation;
  const inNixShell = byteStringFromText('inNixShell');
  const inside: AutoArguments = new Map([[inNixShell, trueWord], ...args]);
  const folder = request.script === undefined || request.arePackages ? undefined : folderOf(request.script.file);
  return operands.evaluate(evaluation, {
    argumentsFor: (value: Word) => (takesArgument(evaluator, value, inNixShell) ? inside : args),
    parseFile: file => parseShellFile(evaluation, file, { folder }),
    parseText: text => parseText(evaluation, text, from.baseFolder),
  });
}

/** The bash of nixpkgs that people are meant to use; what keeps it from being found is told. */
async function findInteractiveShell(
  { log }: CommandContext,
  evaluation: Evaluation,
): Promise<DerivationOutput | undefined> {
  const { evaluator } = evaluation;
  try {
    const tree = parseText(evaluation, byteStringFromText('(import <nixpkgs> {}).bashInteractive'));
    const value = evaluator.delay(tree);
    const found = await evaluation.perform(() => {
      const [first] = findPackages(evaluator, value, new Map());
      return first === undefined ? undefined : derivationOutputOf(evaluator, first);
    });
    await evaluation.commit();
    if (found !== undefined) return { ...found, output: byteStringFromText('out') };
    const message = "the 'bashInteractive' attribute in <nixpkgs> did not evaluate to a derivation";
    throw new CliError('shell/no-derivation', message);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    log.logError(error);
    log.log('notice', 'uses bash from your environment');
    return undefined;
  }
}
