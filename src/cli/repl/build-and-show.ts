import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { type StorePath, allOutputs, opaquePath, printStorePath } from '../../nix-compat/index.ts';
import { requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { realiseInstallables } from '../installables/realise-installables.ts';
import { openCommandStore } from '../open-store.ts';
import { absolutePath } from '../paths.ts';

/** Builds all outputs of a derivation and says where they are; `links` has them kept by links in the working folder. */
export async function buildAndShow(context: CommandContext, derivation: StorePath, links: boolean): Promise<void> {
  await using store = await openCommandStore(context);
  const what = displayBytes(printStorePath(store.storeDir, derivation));
  const path = { kind: 'built', derivation: opaquePath(derivation), outputs: allOutputs } as const;
  const realised = await realiseInstallables(store, [{ path, what, evalStore: store }], { context });
  context.out.line('\nThis derivation produced the following outputs:');
  for (const each of realised) {
    if (each.kind !== 'outputs') continue;
    for (const [output, at] of each.outputs) {
      const printed = displayBytes(printStorePath(store.storeDir, at));
      const link = `repl-result-${displayBytes(output)}`;
      if (links) {
        const collector = requireFacet(store, 'collector', 'addPermRoot');
        await collector.addIndirectRoot(displayBytes(absolutePath(byteStringFromText(link))), at);
      }
      context.out.line(`  ${links ? `./${link}` : displayBytes(output)} -> ${printed}`);
    }
  }
}
