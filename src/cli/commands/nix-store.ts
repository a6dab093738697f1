import type { ByteString } from '../../base/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { firnVersion } from '../version.ts';

/** What an operation of nix-store gets: the flags that are not nix-store's own, and the arguments. */
export interface Operands {
  readonly flags: readonly ByteString[];
  readonly args: readonly ByteString[];
}

export type StoreOperation = (operands: Operands, context: CommandContext) => void | Promise<void>;

interface OperationEntry {
  readonly flag: Omit<Flag, 'apply' | 'labels'>;
  /** Undefined for what this version lacks. */
  readonly load: (() => Promise<StoreOperation>) | undefined;
}

const absent = (long: string, more: Partial<Pick<Flag, 'short' | 'aliases'>> = {}): OperationEntry => ({
  flag: { long, ...more, summary: 'Not there yet.' },
  load: undefined,
});

const operations: readonly OperationEntry[] = [
  {
    flag: { long: 'dump', summary: 'Write the NAR of a file tree to standard output.' },
    load: async () => (await import('./store-dump.ts')).storeDump,
  },
  {
    flag: { long: 'restore', summary: 'Make the file tree of the NAR on standard input.' },
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
  absent('realise', { short: 'r', aliases: ['realize'] }),
  absent('add', { short: 'A' }),
  absent('add-fixed'),
  absent('print-fixed-path'),
  absent('delete'),
  absent('query', { short: 'q' }),
  absent('print-env'),
  absent('read-log', { short: 'l' }),
  absent('dump-db'),
  absent('load-db'),
  absent('register-validity'),
  absent('check-validity'),
  absent('gc'),
  absent('export'),
  absent('import'),
  absent('verify'),
  absent('verify-path'),
  absent('repair-path'),
  absent('optimise', { aliases: ['optimize'] }),
  absent('serve'),
];

/** `nix-store` */
export function nixStore(context: CommandContext): LegacyCommand {
  let chosen: OperationEntry | undefined;
  const flags: ByteString[] = [];
  const args: ByteString[] = [];
  const choose = (operation: OperationEntry): void => {
    if (chosen !== undefined && chosen !== operation) {
      throw new CliError('usage/several-operations', 'only one operation may be specified');
    }
    chosen = operation;
  };
  return {
    summary: 'Works on the store and on file trees.',
    flags: operations.map(operation => ({ ...operation.flag, labels: [], apply: () => choose(operation) })),
    otherFlag: spelling => flags.push(spelling) > 0,
    argument: text => args.push(text),
    run: async () => {
      if (chosen === undefined) throw new CliError('usage/no-command', 'no operation specified');
      if (chosen.load === undefined) throw absentOperation(chosen.flag.long);
      const operation = await chosen.load();
      await operation({ flags, args }, context);
    },
  };
}

function absentOperation(long: string): CliError {
  const has = operations.filter(({ load }) => load !== undefined).map(({ flag }) => `nix-store --${flag.long}`);
  return new CliError(
    'command/absent',
    `'nix-store --${long}' is not part of Firn ${firnVersion()} yet, which has: ${has.join(', ')}`,
  );
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
