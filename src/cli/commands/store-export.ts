import { printStorePath } from '../../nix-compat/index.ts';
import { exportPaths, importPaths } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openCommandStore } from '../open-store.ts';
import { readChunks, stdin } from '../read-input.ts';
import { type Operands, refuseArguments, takeFlags } from './nix-store.ts';

/** `nix-store --export` */
export async function storeExport(operands: Operands, context: CommandContext): Promise<void> {
  takeFlags(operands, []);
  await using store = await openCommandStore(context);
  const paths = operands.args.map(typed => followLinksToStorePath(store, typed));
  await exportPaths(store, paths, bytes => context.out.write(bytes), { signal: context.signal });
}

/** `nix-store --import` */
export async function storeImport(operands: Operands, context: CommandContext): Promise<void> {
  takeFlags(operands, []);
  refuseArguments(operands);
  await using store = await openCommandStore(context);
  const source = readChunks(stdin);
  const paths = await importPaths(store, source, { checkSignatures: false, signal: context.signal });
  for (const path of paths) context.out.byteLine(printStorePath(store.storeDir, path));
}
