import { printStorePath } from '../../nix-compat/index.ts';
import { invalidPath } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openCommandStore } from '../open-store.ts';
import { type Operands, takeFlags } from './nix-store.ts';

/** `nix-store --check-validity` */
export async function storeCheckValidity(operands: Operands, context: CommandContext): Promise<void> {
  const printInvalid = takeFlags(operands, ['--print-invalid']).has('--print-invalid');
  await using store = await openCommandStore(context);
  for (const typed of operands.args) {
    const path = followLinksToStorePath(store, typed);
    if ((await store.validPaths([path])).has(path)) continue;
    if (!printInvalid) throw invalidPath(store.storeDir, path);
    context.out.byteLine(printStorePath(store.storeDir, path));
  }
}
