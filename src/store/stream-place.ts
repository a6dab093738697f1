import { type TreeSink, teeTree } from '../base/index.ts';
import { walkTree } from '../castore/index.ts';
import type { PathInfo, StoreDir } from '../nix-compat/index.ts';
import { receiveOffer } from './receive-offer.ts';
import type { PathOffer, StreamPathOptions } from './store.ts';

/** Where the tree of a valid path is on disk. */
export interface PathPlace {
  readonly info: PathInfo;
  readonly place: string;
}

/** `from` is what messages call the store. */
export function offerPlace({ info, place }: PathPlace, from: string): PathOffer {
  const source: PathOffer['source'] = async (sink, drain) => {
    for (const _ of walkTree(place, sink)) await drain();
  };
  // Whether its name follows from its contents was looked at when it became valid.
  return { info: { ...info, contentAddress: undefined }, source, from, isTrusted: true };
}

/** As `Store.streamPath`, from disk: throws `path/hash-mismatch` where the tree is not what it was any more. */
export async function streamPlace(
  { uri, storeDir }: { readonly uri: string; readonly storeDir: StoreDir },
  { sink, ...at }: PathPlace & { readonly sink: TreeSink },
  { drain = async () => {}, signal = new AbortController().signal }: StreamPathOptions = {},
): Promise<void> {
  await receiveOffer({ storeDir }, offerPlace(at, uri), { receiver: { ...teeTree(sink), drain }, signal });
}
