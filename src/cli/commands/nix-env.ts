import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { realFileSystem } from '../../castore/index.ts';
import { defaultProfile, linkDefaultProfile, profilesFolder, replaceLink } from '../../store/index.ts';
import { definitionsFolder, rootChannels } from '../channel-places.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { evaluateDefinitions } from '../environments/package-definitions.ts';
import { PackageSource } from '../environments/package-source.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationArguments, evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { locateFile } from '../evaluation/source-expression.ts';
import { absolutePath } from '../paths.ts';
import { profileEnvironment } from '../profile-environment.ts';
import { type EnvOperation, type EnvRequest, envOperations } from './nix-env-operations.ts';

/** `nix-env` */
export function nixEnv(context: CommandContext): LegacyCommand {
  const request: EnvRequest = {
    operation: undefined,
    flags: [],
    operands: [],
    profile: undefined,
    file: undefined,
    systemFilter: '*',
    forceName: undefined,
    dryRun: false,
    prebuiltOnly: false,
  };
  const from = noArguments();
  const choose = (operation: EnvOperation) => () => {
    if (request.operation !== undefined && request.operation !== operation) {
      throw new CliError('usage/several-operations', 'only one operation may be specified');
    }
    request.operation = operation;
  };
  const operation = (long: string, short: string | undefined, summary: string, does: EnvOperation) => ({
    long,
    ...(short === undefined ? {} : { short }),
    labels: [],
    summary,
    apply: choose(does),
  });
  return {
    summary: 'Manages the packages of a profile.',
    flags: [
      operation('install', 'i', 'Install packages.', 'install'),
      operation('uninstall', 'e', 'Uninstall packages.', 'uninstall'),
      operation('upgrade', 'u', 'Upgrade packages.', 'upgrade'),
      operation('set', undefined, 'Let the profile be one package.', 'set'),
      operation('set-flag', undefined, 'Change what is known of packages.', 'set-flag'),
      operation('query', 'q', 'Tell of packages.', 'query'),
      operation('switch-profile', 'S', 'Use another profile.', 'switch-profile'),
      operation('switch-generation', 'G', 'Use another generation.', 'switch-generation'),
      operation('rollback', undefined, 'Use the generation before.', 'rollback'),
      operation('list-generations', undefined, 'List the generations.', 'list-generations'),
      operation('delete-generations', undefined, 'Delete generations.', 'delete-generations'),
      {
        long: 'profile',
        short: 'p',
        labels: ['path'],
        summary: 'Work on this profile.',
        apply: path => (request.profile = displayBytes(absolutePath(path))),
      },
      {
        long: 'file',
        short: 'f',
        labels: ['path'],
        summary: 'Take packages from this expression.',
        apply: path => (request.file = path),
      },
      {
        long: 'system-filter',
        labels: ['system'],
        summary: 'Take only packages for this system.',
        apply: system => (request.systemFilter = displayBytes(system)),
      },
      {
        long: 'force-name',
        labels: ['name'],
        summary: 'Call what is installed by this name.',
        apply: name => (request.forceName = name),
      },
      {
        long: 'dry-run',
        labels: [],
        summary: 'Say what would be done.',
        apply: () => {
          context.log.log('info', '(dry run; not doing anything)');
          request.dryRun = true;
          context.modes.plansOnly = true;
        },
      },
      {
        long: 'prebuilt-only',
        short: 'b',
        labels: [],
        summary: 'Take only what need not be built.',
        apply: () => (request.prebuiltOnly = true),
      },
      ...evaluationFlags(from),
    ],
    otherFlag: (spelling, take) => {
      request.flags.push(spelling);
      if (takesValue(spelling, request)) {
        const value = take();
        if (value === undefined) throw new CliError('usage/missing-value', `'${spelling}' requires an argument`);
        request.flags.push(value);
      }
      return true;
    },
    argument: text => request.operands.push(text),
    run: async () => {
      const { operation: chosen } = request;
      if (chosen === undefined) throw new CliError('usage/no-command', 'no operation specified');
      makeDefinitions(context);
      await runOperation(chosen, request, { context, from });
    },
  };
}

/** By the operation that was named before it. */
function takesValue(spelling: ByteString, { operation }: EnvRequest): boolean {
  if (spelling === '--from-profile') return true;
  if (operation === 'query') return spelling === '--attr' || spelling === '-A';
  return operation === 'install' && spelling === '--priority';
}

async function runOperation(
  operation: EnvOperation,
  request: EnvRequest,
  { context, from }: { readonly context: CommandContext; readonly from: EvaluationArguments },
): Promise<void> {
  const { environment, resources } = context;
  const isReading = operation === 'query';
  const evaluation = resources.use(new Evaluation(context, from, { writes: !isReading }));
  const { file } = request;
  const definitions = () => {
    const place = file === undefined ? byteStringFromText(definitionsFolder(context)) : locateFile(evaluation, file);
    return evaluateDefinitions(evaluation, place, context);
  };
  const named = request.profile ?? environment.variables['NIX_PROFILE'];
  const profile = named === undefined || named === '' ? usualProfile(context) : named;
  const source = new PackageSource(evaluation, context, { definitions, systemFilter: request.systemFilter });
  await envOperations[operation]({ request, source, profile, context, store: () => evaluation.store() });
}

function usualProfile(context: CommandContext): string {
  const places = profileEnvironment(context.environment.dataFolder, context);
  linkDefaultProfile(places);
  return defaultProfile(places);
}

/** Where packages are looked for, with links to the channels. One who may not make it does without. */
function makeDefinitions(context: CommandContext): void {
  const folder = definitionsFolder(context);
  if (existsSync(folder)) return;
  const places = profileEnvironment(context.environment.dataFolder, context);
  try {
    mkdirSync(folder, { recursive: true });
    replaceLink(realFileSystem, join(folder, 'channels'), join(profilesFolder(places), 'channels'));
    if (!places.isRoot) replaceLink(realFileSystem, join(folder, 'channels_root'), rootChannels(context));
  } catch {
    // As for those who have no home.
  }
}
