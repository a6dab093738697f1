import { displayBytes } from '../../base/index.ts';
import { printStorePath } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { findBuildLog } from '../installables/find-build-log.ts';
import { openCommandStore } from '../open-store.ts';
import { showPaged } from '../render/show-paged.ts';
import { type Operands, refuseFlags } from './nix-store.ts';

/** `nix-store --read-log` */
export async function storeReadLog(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands);
  await using store = await openCommandStore(context);
  for (const typed of operands.args) {
    const path = followLinksToStorePath(store, typed);
    const log = await findBuildLog(store, path);
    if (log === undefined) {
      const printed = displayBytes(printStorePath(store.storeDir, path));
      throw new CliError('log/absent', `build log of derivation '${printed}' is not available`);
    }
    showPaged(log, context);
  }
}
