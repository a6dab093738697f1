import { displayBytes, forEachConcurrent } from '../../base/index.ts';
import { type PathInfo, type Signature, compareSignatures, equalHashes } from '../../nix-compat/index.ts';
import { type Store, invalidPath, requireFacet } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore, openStoreAt } from '../open-store.ts';

/** Paths that are asked for at a time. */
const questionsAtOnce = 64;

/** `nix store copy-sigs` */
export function storeCopySigs(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  const uris: string[] = [];
  return {
    summary: 'Copies signatures of store paths from other stores that have the same paths.',
    flags: [
      ...wanted.flags,
      {
        long: 'substituter',
        short: 's',
        labels: ['store-uri'],
        summary: 'A store to copy signatures from.',
        apply: uri => uris.push(displayBytes(uri)),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const paths = await wanted.resolve(store);
      if (uris.length === 0) {
        throw new CliError('usage/missing-flag', "you must specify at least one substituter using '-s'");
      }
      await using opened = new AsyncDisposableStack();
      const others: Store[] = [];
      for (const uri of uris) others.push(opened.use(await openStoreAt(uri, context)));
      const { signal } = context;
      const writer = requireFacet(store, 'writer', 'addSignatures');
      let added = 0;
      await forEachConcurrent(paths, { limit: questionsAtOnce, signal }, async ({ path, info }, stop) => {
        if (info === undefined) throw invalidPath(store.storeDir, path);
        const missing = await missingSignatures(info, others, stop);
        if (missing.length > 0) await writer.addSignatures(path, missing, { signal: stop });
        added += missing.length;
      });
      context.log.log('info', `imported ${added} signatures`);
    },
  };
}

/** Signatures that others have of the very same path. */
async function missingSignatures(info: PathInfo, others: readonly Store[], signal: AbortSignal): Promise<Signature[]> {
  const missing: Signature[] = [];
  for (const other of others) {
    const theirs = await other.pathInfo(info.path, { signal });
    if (theirs === undefined || !isSame(info, theirs)) continue;
    for (const signature of theirs.signatures) {
      const isKnown = [...info.signatures, ...missing].some(known => compareSignatures(known, signature) === 0);
      if (!isKnown) missing.push(signature);
    }
  }
  return missing;
}

/** Whether signatures of one are signatures of the other. */
function isSame(a: PathInfo, b: PathInfo): boolean {
  return (
    equalHashes(a.narHash, b.narHash) && a.narSize === b.narSize && a.references.join(' ') === b.references.join(' ')
  );
}
