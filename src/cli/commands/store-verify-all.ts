import { displayBytes } from '../../base/index.ts';
import { equalHashes, formatHash, printStorePath } from '../../nix-compat/index.ts';
import { hashContents, requirePathInfo } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { ExitStatus } from '../exit-status.ts';
import { fetchContents } from '../installables/fetch-contents.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { repairPaths, repairPolicy } from '../installables/repair-paths.ts';
import { openCommandStore, openStoreHere } from '../open-store.ts';
import { type Operands, refuseArguments, refuseFlags, takeFlags } from './nix-store.ts';

/** `nix-store --verify` */
export async function storeVerify(operands: Operands, context: CommandContext): Promise<void> {
  refuseArguments(operands);
  const flags = takeFlags(operands, ['--check-contents', '--repair']);
  await using store = await openCommandStore(context);
  // What other stores have is checked when it is taken: C++ Nix says nothing either.
  const hasErrors = await store.upkeep?.verify({
    checkContents: flags.has('--check-contents'),
    repair: flags.has('--repair'),
    policy: repairPolicy(context),
    fetch: fetchContents(store, context),
    signal: context.signal,
  });
  if (hasErrors !== true) return;
  context.log.warn('not all store errors were fixed');
  throw new ExitStatus(1);
}

/** `nix-store --verify-path` */
export async function storeVerifyPath(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands, 'no flags expected');
  await using store = await openCommandStore(context);
  let status = 0;
  for (const typed of operands.args) {
    const path = followLinksToStorePath(store, typed);
    const printed = displayBytes(printStorePath(store.storeDir, path));
    context.log.log('talkative', `checking path '${printed}'...`);
    const { narHash } = await requirePathInfo(store, path);
    const found = await hashContents(store, path, { signal: context.signal });
    if (equalHashes(found, narHash)) continue;
    const [expected, got] = [narHash, found].map(hash => formatHash(hash, 'nix32', { prefix: true }));
    context.log.log('error', `path '${printed}' was modified! expected hash '${expected}', got '${got}'`);
    status = 1;
  }
  if (status !== 0) throw new ExitStatus(status);
}

/** `nix-store --repair-path` */
export async function storeRepairPath(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands, 'no flags expected');
  await using store = await openStoreHere(context);
  const paths = operands.args.map(typed => followLinksToStorePath(store, typed));
  await repairPaths(store, paths, context);
}
