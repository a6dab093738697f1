import { byteStringOf } from '../../base/index.ts';
import { parseRegistrations } from '../../nix-compat/index.ts';
import { LocalStore, type Store, dumpRegistrations, registerPaths, requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openCommandStore, openStoreHere } from '../open-store.ts';
import { readStandardInput } from '../read-input.ts';
import { type Operands, refuseArguments, refuseFlags, takeFlags } from './nix-store.ts';

/** Longest list of registrations: a million paths take some 200 MB. */
const maxInput = 512 * 1024 * 1024;

/** `nix-store --dump-db` */
export async function storeDumpDb(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands);
  await using store = await openCommandStore(context);
  const named = operands.args.map(typed => followLinksToStorePath(store, typed));
  const paths = named.length > 0 ? named : await requireFacet(store, 'index', 'queryAllValidPaths').allPaths(context);
  for await (const text of dumpRegistrations(store, paths, context)) context.out.write(Buffer.from(text, 'latin1'));
}

/** `nix-store --load-db` */
export async function storeLoadDb(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands);
  refuseArguments(operands);
  await register(context, { withHashes: true, reregister: true });
}

/** `nix-store --register-validity` */
export async function storeRegisterValidity(operands: Operands, context: CommandContext): Promise<void> {
  const flags = takeFlags(operands, ['--reregister', '--hash-given']);
  refuseArguments(operands);
  await register(context, { withHashes: flags.has('--hash-given'), reregister: flags.has('--reregister') });
}

async function register(
  context: CommandContext,
  { withHashes, reregister }: { readonly withHashes: boolean; readonly reregister: boolean },
): Promise<void> {
  await using store = await openStoreHere(context);
  const local = requireLocal(store);
  const text = byteStringOf(readStandardInput(maxInput));
  const registrations = parseRegistrations(store.storeDir, text, { withHashes });
  await registerPaths(local, registrations, { reregister, signal: context.signal });
}

/** Throws `store/not-local`, in the words of C++ Nix, where such stores are a daemon's. */
function requireLocal(store: Store): LocalStore {
  if (store instanceof LocalStore) return store;
  throw new CliError('store/not-local', "you don't have sufficient rights to use this command");
}
