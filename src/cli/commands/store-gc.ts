import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import { type Store, requireFacet } from '../../store/index.ts';
import { parseByteCount } from '../args/parse-byte-count.ts';
import { parseInteger } from '../args/parse-integer.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { collectAndSay, livenessOptions, sayDead } from './collect.ts';
import { type Operands, refuseArguments } from './nix-store.ts';

type Action = 'delete' | 'print-roots' | 'print-live' | 'print-dead';

/** `nix-store --gc` */
export async function storeGc(operands: Operands, context: CommandContext): Promise<void> {
  const { action, maxFreed } = readFlags(operands.flags);
  refuseArguments(operands);
  if (action !== 'delete' && maxFreed !== undefined) {
    const others = '--print-live, --print-dead, or --print-roots';
    throw new CliError('usage/bad-value', `option --max-freed cannot be combined with ${others}`);
  }
  await using store = await openCommandStore(context);
  if (action === 'delete') return await collectAndSay(store, maxFreed === undefined ? {} : { maxFreed }, context);
  if (action === 'print-roots') return await printRoots(store, context);
  const liveness = await requireFacet(store, 'collector', 'collectGarbage').liveness(livenessOptions(context));
  for (const path of action === 'print-live' ? liveness.live : liveness.dead)
    context.out.byteLine(printStorePath(store.storeDir, path));
}

function readFlags(flags: readonly ByteString[]): { readonly action: Action; readonly maxFreed: number | undefined } {
  let action: Action = 'delete';
  let printsRoots = false;
  let maxFreed: number | undefined;
  const queue = flags.values();
  for (const flag of queue) {
    const text: string = flag;
    if (text === '--print-roots') printsRoots = true;
    else if (text === '--print-live') action = 'print-live';
    else if (text === '--print-dead') action = 'print-dead';
    else if (text === '--max-freed') {
      const { value = byteStringFromText('') } = queue.next();
      maxFreed = parseByteCount(value);
    } else {
      throw new CliError('usage/unrecognised-flag', `bad sub-operation '${displayBytes(flag)}' in GC`);
    }
  }
  return { action: printsRoots ? 'print-roots' : action, maxFreed };
}

/** In the order of their holders' names, each of which is quoted. */
async function printRoots(store: Store, context: CommandContext): Promise<void> {
  const roots = await requireFacet(store, 'collector', 'collectGarbage').findRoots({ signal: context.signal });
  const sorted = roots.toSorted((a, b) => compareNames(a.holder, b.holder));
  for (const { holder, path } of sorted) {
    const quoted = holder.replaceAll(/["\\]/g, '\\$&');
    context.out.byteLine(
      brandAs<ByteString>(`"${byteStringFromText(quoted)}" -> ${printStorePath(store.storeDir, path)}`),
    );
  }
}

/** Name by name, as C++ orders paths. */
function compareNames(a: string, b: string): number {
  const left = a.replaceAll('/', '\0');
  const right = b.replaceAll('/', '\0');
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `nix store gc` */
export function nixStoreGc(context: CommandContext): Command {
  let maxFreed: number | undefined;
  let dryRun = false;
  return {
    summary: 'Deletes what nothing keeps from the store.',
    flags: [
      {
        long: 'max',
        labels: ['n'],
        summary: 'Stop once so many bytes are free.',
        apply: value => (maxFreed = parseInteger(displayBytes(value))),
      },
      { long: 'dry-run', labels: [], summary: 'Say how much would be deleted.', apply: () => (dryRun = true) },
    ],
    positionals: [],
    run: async () => {
      if (maxFreed !== undefined && dryRun)
        throw new CliError('usage/bad-value', 'options --max and --dry-run cannot be combined');
      await using store = await openCommandStore(context);
      if (dryRun) return await sayDead(store, context);
      return await collectAndSay(store, maxFreed === undefined ? {} : { maxFreed }, context);
    },
  };
}
