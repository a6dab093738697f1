import { isatty } from 'node:tty';
import { type ByteString, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';
import { readStandardInput, stdin } from '../read-input.ts';

/** What an operation of nix-store gets: the flags that are not nix-store's own, and the arguments. */
export interface Operands {
  readonly flags: readonly ByteString[];
  readonly args: ByteString[];
  /** Absolute path of the link that is to keep what is realised (`--add-root`). */
  readonly root: ByteString | undefined;
  /** Whether paths that were realised are printed. */
  readonly printPaths: boolean;
}

export type StoreOperation = (operands: Operands, context: CommandContext) => void | Promise<void>;

interface OperationEntry {
  readonly flag: Omit<Flag, 'apply' | 'labels'>;
  /** Whether standard input is something else to it than more arguments. */
  readonly readsInput?: true;
  readonly load: () => Promise<StoreOperation>;
}

const operations: readonly OperationEntry[] = [
  {
    flag: { long: 'dump', summary: 'Write the NAR of a file tree to standard output.' },
    load: async () => (await import('./store-dump.ts')).storeDump,
  },
  {
    flag: { long: 'restore', summary: 'Make the file tree of the NAR on standard input.' },
    readsInput: true,
    load: async () => (await import('./store-restore.ts')).storeRestore,
  },
  {
    flag: { long: 'generate-binary-cache-key', summary: 'Make a key pair: name, secret key file, public key file.' },
    load: async () => (await import('./store-generate-key.ts')).storeGenerateKey,
  },
  {
    flag: { long: 'init', summary: 'Make the data folder.' },
    load: async () => (await import('./store-init.ts')).storeInit,
  },
  {
    flag: { long: 'realise', short: 'r', aliases: ['realize'], summary: 'Make store paths valid.' },
    load: async () => (await import('./store-realise.ts')).storeRealise,
  },
  {
    flag: { long: 'add', short: 'A', summary: 'Add file trees to the store.' },
    load: async () => (await import('./store-add-files.ts')).storeAdd,
  },
  {
    flag: { long: 'add-fixed', summary: 'Add files as fixed outputs have them: algorithm, files.' },
    load: async () => (await import('./store-add-files.ts')).storeAddFixed,
  },
  {
    flag: { long: 'print-fixed-path', summary: 'Print the path of a fixed output: algorithm, hash, name.' },
    load: async () => (await import('./store-add-files.ts')).storePrintFixedPath,
  },
  {
    flag: { long: 'delete', summary: 'Delete store paths that nothing keeps.' },
    load: async () => (await import('./store-delete.ts')).storeDelete,
  },
  {
    flag: { long: 'query', short: 'q', summary: 'Say what is known of store paths.' },
    load: async () => (await import('./store-query.ts')).storeQuery,
  },
  {
    flag: { long: 'print-env', summary: 'Print the environment of a derivation, for a shell.' },
    load: async () => (await import('./store-print-env.ts')).storePrintEnv,
  },
  {
    flag: { long: 'read-log', short: 'l', summary: 'Print build logs.' },
    load: async () => (await import('./store-read-log.ts')).storeReadLog,
  },
  {
    flag: { long: 'dump-db', summary: 'Print what is known of all paths.' },
    load: async () => (await import('./store-registrations.ts')).storeDumpDb,
  },
  {
    flag: { long: 'load-db', summary: 'Register what --dump-db printed.' },
    readsInput: true,
    load: async () => (await import('./store-registrations.ts')).storeLoadDb,
  },
  {
    flag: { long: 'register-validity', summary: 'Register paths that are in the store directory.' },
    readsInput: true,
    load: async () => (await import('./store-registrations.ts')).storeRegisterValidity,
  },
  {
    flag: { long: 'check-validity', summary: 'Fail where a path is not valid.' },
    load: async () => (await import('./store-check-validity.ts')).storeCheckValidity,
  },
  {
    flag: { long: 'gc', summary: 'Delete what nothing keeps.' },
    load: async () => (await import('./store-gc.ts')).storeGc,
  },
  {
    flag: { long: 'export', summary: 'Write store paths to standard output.' },
    load: async () => (await import('./store-export.ts')).storeExport,
  },
  {
    flag: { long: 'import', summary: 'Add what --export wrote from standard input.' },
    readsInput: true,
    load: async () => (await import('./store-export.ts')).storeImport,
  },
  {
    flag: { long: 'verify', summary: 'Check that the store is sound.' },
    load: async () => (await import('./store-verify-all.ts')).storeVerify,
  },
  {
    flag: { long: 'verify-path', summary: 'Check the contents of store paths.' },
    load: async () => (await import('./store-verify-all.ts')).storeVerifyPath,
  },
  {
    flag: { long: 'repair-path', summary: 'Get the contents of store paths anew.' },
    load: async () => (await import('./store-verify-all.ts')).storeRepairPath,
  },
  {
    flag: { long: 'optimise', aliases: ['optimize'], summary: 'Keep files with equal contents once.' },
    load: async () => (await import('./store-optimise.ts')).storeOptimise,
  },
  {
    flag: {
      long: 'serve',
      summary: 'Serve the store through standard input and output (--write: also changes of it).',
    },
    readsInput: true,
    load: async () => (await import('./store-serve.ts')).storeServe,
  },
];

/** Longest list of arguments on standard input. */
const maxInput = 256 * 1024 * 1024;

/** `nix-store` */
export function nixStore(context: CommandContext): LegacyCommand {
  let chosen: OperationEntry | undefined;
  const flags: ByteString[] = [];
  const args: ByteString[] = [];
  let root: ByteString | undefined;
  let printPaths = true;
  let fromInput = false;
  const choose = (operation: OperationEntry): void => {
    if (chosen !== undefined && chosen !== operation) {
      throw new CliError('usage/several-operations', 'only one operation may be specified');
    }
    chosen = operation;
  };
  return {
    summary: 'Works on the store and on file trees.',
    flags: [
      ...operations.map((operation): Flag =>
        Object.assign({ labels: [], apply: () => choose(operation) }, operation.flag),
      ),
      {
        long: 'add-root',
        labels: ['path'],
        summary: 'Keep what is realised by a link at the path.',
        apply: path => (root = absolutePath(path)),
      },
      {
        long: 'max-freed',
        labels: ['bytes'],
        summary: 'With --gc: stop once so many bytes are free.',
        apply: bytes => flags.push(byteStringFromLatin1('--max-freed'), bytes),
      },
      { long: 'indirect', labels: [], summary: 'Changes nothing any more.', apply: () => {} },
      { long: 'no-output', labels: [], summary: 'Do not print what is realised.', apply: () => (printPaths = false) },
      {
        long: 'stdin',
        labels: [],
        summary: 'Read more arguments from standard input.',
        apply: () => (fromInput = true),
      },
    ],
    otherFlag: spelling => flags.push(spelling) > 0,
    argument: text => args.push(text),
    run: async () => {
      if (chosen === undefined) throw new CliError('usage/no-command', 'no operation specified');
      const operation = await chosen.load();
      const readsInput = chosen.readsInput === true || !fromInput || isatty(stdin);
      await operation({ flags, args: readsInput ? args : [...args, ...readWords()], root, printPaths }, context);
    },
  };
}

function readWords(): ByteString[] {
  const words = readStandardInput(maxInput).toString('latin1').split(/\s+/);
  return words.filter(word => word !== '').map(word => byteStringFromLatin1(word));
}

/** The one argument of an operation that takes no flags. Throws `usage/...`. */
export function onlyArgument({ flags, args }: Operands): ByteString {
  if (flags.length > 0) throw new CliError('usage/unrecognised-flag', 'unknown flag');
  const [arg] = args;
  if (arg === undefined || args.length > 1) {
    throw new CliError('usage/unexpected-argument', 'only one argument allowed');
  }
  return arg;
}

/** Throws `usage/unrecognised-flag` if there is any flag. */
export function refuseFlags({ flags }: Operands, message = 'unknown flag'): void {
  if (flags.length > 0) throw new CliError('usage/unrecognised-flag', message);
}

/** The flags, which must be among `known`. Throws `usage/unrecognised-flag`. */
export function takeFlags<const Known extends string>(
  { flags }: Operands,
  known: readonly Known[],
): ReadonlySet<Known> {
  const found = new Set<Known>();
  for (const flag of flags) {
    const name = known.find(one => flag.startsWith(one) && flag.length === one.length);
    if (name === undefined) throw new CliError('usage/unrecognised-flag', `unknown flag '${displayBytes(flag)}'`);
    found.add(name);
  }
  return found;
}

/** Throws `usage/unexpected-argument`. */
export function refuseArguments({ args }: Operands): void {
  if (args.length > 0) throw new CliError('usage/unexpected-argument', 'no arguments expected');
}
