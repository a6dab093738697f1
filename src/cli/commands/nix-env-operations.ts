import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { realFileSystem } from '../../castore/index.ts';
import {
  type Store,
  deleteGenerations,
  deleteGenerationsBeyond,
  deleteGenerationsOlderThan,
  deleteOldGenerations,
  parseOlderThan,
  profileLink,
  replaceLink,
  switchGeneration,
} from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import {
  type ProfileChange,
  type UpgradeRule,
  installPackages,
  setFlag,
  setPackage,
  uninstallPackages,
  upgradePackages,
} from '../environments/change-environment.ts';
import type { PackageSource, SourceKind } from '../environments/package-source.ts';
import { printPackageJson, printPackageTable, printPackageXml } from '../environments/print-packages.ts';
import { queryPackages } from '../environments/query-packages.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';
import { profileEnvironment } from '../profile-environment.ts';
import { listGenerations } from '../render/list-generations.ts';

export type EnvOperation = keyof typeof envOperations;

/** What a command line of `nix-env` says. */
export interface EnvRequest {
  operation: EnvOperation | undefined;
  /** Of the operation, with their values. */
  readonly flags: ByteString[];
  readonly operands: ByteString[];
  profile: string | undefined;
  file: ByteString | undefined;
  systemFilter: string;
  forceName: ByteString | undefined;
  dryRun: boolean;
  prebuiltOnly: boolean;
}

interface OperationInput {
  readonly request: EnvRequest;
  readonly source: PackageSource;
  readonly profile: string;
  readonly context: CommandContext;
  readonly store: () => Promise<Store>;
}

type RunOperation = (input: OperationInput) => Promise<void>;

/** What each operation does with its flags. */
export const envOperations = {
  install: async input => {
    const { request } = input;
    let kind: SourceKind = { kind: 'names' };
    let preserveInstalled = false;
    let removeAll = false;
    let priority: number | undefined;
    readFlags(input, (flag, value) => {
      const source = sourceKindOf(flag, value);
      if (source !== undefined) kind = source;
      else if (flag === '--preserve-installed' || flag === '-P') preserveInstalled = true;
      else if (flag === '--remove-all' || flag === '-r') removeAll = true;
      else if (flag === '--priority') priority = parsePriority(value());
      else return false;
      return true;
    });
    const { forceName, prebuiltOnly } = request;
    const options = { kind, preserveInstalled, removeAll, forceName, prebuiltOnly, priority };
    await installPackages(await changeOf(input), request.operands, options);
  },

  upgrade: async input => {
    let kind: SourceKind = { kind: 'names' };
    let rule: UpgradeRule = 'lt';
    readFlags(input, (flag, value) => {
      const source = sourceKindOf(flag, value);
      const found = upgradeRules.get(flag);
      if (source !== undefined) kind = source;
      else if (found !== undefined) rule = found;
      else return false;
      return true;
    });
    const { operands, prebuiltOnly } = input.request;
    await upgradePackages(await changeOf(input), operands, { kind, rule, prebuiltOnly });
  },

  uninstall: async input => {
    refuseFlags(input);
    await uninstallPackages(await changeOf(input), input.request.operands);
  },

  set: async input => {
    let kind: SourceKind = { kind: 'names' };
    readFlags(input, (flag, value) => {
      const source = sourceKindOf(flag, value);
      kind = source ?? kind;
      return source !== undefined;
    });
    await setPackage(await changeOf(input), input.request.operands, kind);
  },

  'set-flag': async input => {
    refuseFlags(input);
    const [name, value, ...selectors] = input.request.operands;
    if (name === undefined || value === undefined) {
      throw new CliError('usage/missing-argument', "not enough arguments to '--set-flag'");
    }
    await setFlag(await changeOf(input), [name, value], selectors);
  },

  query,

  'switch-profile': async ({ request, context, ...input }) => {
    refuseFlags({ request, context, ...input });
    const profile = displayBytes(absolutePath(oneOperand(request)));
    replaceLink(realFileSystem, profileLink(profileEnvironment(context.environment.dataFolder, context)), profile);
  },

  'switch-generation': async input => {
    refuseFlags(input);
    const options = { dryRun: input.request.dryRun };
    await switchProfileGeneration(input.profile, oneOperand(input.request), input.context, options);
  },

  rollback: async input => {
    refuseFlags(input);
    refuseOperands(input);
    await switchProfileGeneration(input.profile, undefined, input.context, { dryRun: input.request.dryRun });
  },

  'list-generations': async input => {
    refuseFlags(input);
    refuseOperands(input);
    await listGenerations(input.profile, input.context);
  },

  'delete-generations': async input => {
    refuseFlags(input);
    await deleteWhat(input.request.operands.map(displayBytes), input);
  },
} as const satisfies { readonly [name: string]: RunOperation };

/** To the generation of that number, or to the one before. Throws `usage/bad-value`, `profile/no-generation`. */
export async function switchProfileGeneration(
  profile: string,
  text: string | undefined,
  { log: reporter, signal }: CommandContext,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<void> {
  if (text !== undefined && !/^[0-9]+$/.test(text))
    throw new CliError('usage/bad-value', 'expected a generation number');
  await switchGeneration(profile, text === undefined ? undefined : Number(text), { reporter, signal, dryRun });
}

const upgradeRules: ReadonlyMap<string, UpgradeRule> = new Map([
  ['--lt', 'lt'],
  ['--leq', 'leq'],
  ['--eq', 'eq'],
  ['--always', 'always'],
]);

async function query(input: OperationInput): Promise<void> {
  const { request, source, profile, context } = input;
  const set = new Set<string>();
  let of: 'installed' | 'available' = 'installed';
  let attributePath = byteStringFromText('');
  readFlags(input, (flag, value) => {
    const name = queryFlags.get(flag);
    if (name === undefined) return false;
    if (name === 'installed' || name === 'available') of = name;
    else if (name === 'attr') attributePath = value();
    else set.add(name);
    return true;
  });
  if (set.has('attr-path') && of === 'installed') {
    throw new CliError('usage/useless-flag', '--attr-path(-P) only works with --available');
  }
  const isJson = set.has('json');
  const isXml = set.has('xml');
  const store = await input.store();
  const reports = await queryPackages(store, source, profile, {
    context,
    query: {
      of,
      attributePath,
      selectors: request.operands,
      wantsStatus: set.has('status'),
      prebuiltOnly: request.prebuiltOnly,
      comparesVersions: set.has('compare-versions'),
      wantsOutPaths: set.has('out-path'),
      wantsDerivations: set.has('drv-path'),
      wantsMeta: set.has('meta') && (isJson || isXml),
      wantsDescriptions: set.has('description'),
    },
  });
  const columns = {
    status: set.has('status'),
    attributePath: set.has('attr-path'),
    name: !set.has('no-name'),
    versions: set.has('compare-versions'),
    system: set.has('system'),
    drvPath: set.has('drv-path'),
    outPath: set.has('out-path'),
    description: set.has('description'),
    meta: set.has('meta'),
  };
  const print = isJson ? printPackageJson : isXml ? printPackageXml : printPackageTable;
  print(reports, { store, columns, context });
}

const queryFlags: ReadonlyMap<string, string> = new Map([
  ['--status', 'status'],
  ['-s', 'status'],
  ['--no-name', 'no-name'],
  ['--system', 'system'],
  ['--description', 'description'],
  ['--compare-versions', 'compare-versions'],
  ['-c', 'compare-versions'],
  ['--drv-path', 'drv-path'],
  ['--out-path', 'out-path'],
  ['--meta', 'meta'],
  ['--installed', 'installed'],
  ['--available', 'available'],
  ['-a', 'available'],
  ['--xml', 'xml'],
  ['--json', 'json'],
  ['--attr-path', 'attr-path'],
  ['-P', 'attr-path'],
  ['--attr', 'attr'],
  ['-A', 'attr'],
]);

async function deleteWhat([first, ...others]: readonly string[], input: OperationInput): Promise<void> {
  const { profile } = input;
  const options = changeOptions(input);
  const only = others.length === 0 ? first : undefined;
  if (only === 'old') return deleteOldGenerations(profile, options);
  if (only?.includes('d') === true) return deleteGenerationsOlderThan(profile, parseOlderThan(only), options);
  if (only?.includes('+') === true) {
    if (only.length < 2) throw new CliError('usage/bad-value', `invalid number of generations '${only}'`);
    const count = only.slice(1);
    if (!/^[0-9]+$/.test(count)) {
      throw new CliError('usage/bad-value', `invalid number of generations to keep '${count}'`);
    }
    return deleteGenerationsBeyond(profile, Number(count), options);
  }
  const numbers = new Set<number>();
  for (const text of first === undefined ? [] : [first, ...others]) {
    if (!/^[0-9]+$/.test(text)) throw new CliError('usage/bad-value', `invalid generation number '${text}'`);
    numbers.add(Number(text));
  }
  return deleteGenerations(profile, numbers, options);
}

async function changeOf({ request, source, profile, context, store }: OperationInput): Promise<ProfileChange> {
  return { store: await store(), source, profile, dryRun: request.dryRun, context };
}

function changeOptions({ request, context }: OperationInput) {
  return { reporter: context.log, signal: context.signal, dryRun: request.dryRun };
}

/** Has `take` do with each flag what it means; it returns false for those that it does not know. */
function readFlags({ request }: OperationInput, take: (flag: string, value: () => ByteString) => boolean): void {
  const left = request.flags.toReversed();
  for (let flag = left.pop(); flag !== undefined; flag = left.pop()) {
    const spelling = flag;
    const value = () => left.pop() ?? fail(new CliError('usage/missing-value', `'${spelling}' requires an argument`));
    if (!take(spelling, value)) throw unknownFlag(spelling);
  }
}

function sourceKindOf(flag: string, value: () => ByteString): SourceKind | undefined {
  if (flag === '--from-expression' || flag === '-E') return { kind: 'expressions' };
  if (flag === '--attr' || flag === '-A') return { kind: 'attributes' };
  return flag === '--from-profile' ? { kind: 'profile', profile: displayBytes(absolutePath(value())) } : undefined;
}

function parsePriority(text: ByteString): number {
  if (/^-?[0-9]+$/.test(text)) return Number(text);
  throw new CliError('usage/bad-value', "'--priority' requires an integer argument");
}

function refuseFlags({ request }: OperationInput): void {
  const [flag] = request.flags;
  if (flag !== undefined) throw unknownFlag(flag);
}

function unknownFlag(flag: string): CliError {
  return new CliError('usage/unrecognised-flag', `unknown flag '${flag}'`);
}

function refuseOperands({ request }: OperationInput): void {
  if (request.operands.length > 0) throw new CliError('usage/unexpected-argument', 'no arguments expected');
}

function oneOperand({ operands }: EnvRequest): ByteString {
  const [only] = operands;
  if (only !== undefined && operands.length === 1) return only;
  throw new CliError('usage/unexpected-argument', 'exactly one argument expected');
}

function fail(error: Error): never {
  throw error;
}
