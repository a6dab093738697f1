import type { Verbosity } from '../../base/index.ts';
import { displayBytes } from '../../base/index.ts';
import type { RealisationPlan } from '../../engine/index.ts';
import { type StorePath, formatDerivingPath, printStorePath, storePathName } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { formatSize } from '../render/format-size.ts';
import type { Logger } from '../render/logger.ts';

/** Says what will be built and fetched, and what nobody can. */
export function printMissing(
  store: Store,
  missing: RealisationPlan,
  { log, level }: { readonly log: Logger; readonly level: Verbosity },
): void {
  log.logTogether(() => listMissing(store, missing, text => log.log(level, text)));
}

function listMissing(store: Store, missing: RealisationPlan, say: (text: string) => void): void {
  const list = (paths: Iterable<StorePath>): void => {
    for (const path of paths) say(`  ${displayBytes(printStorePath(store.storeDir, path))}`);
  };
  const { willBuild, unplanned, willSubstitute, unknown } = missing;
  if (willBuild.size > 0) {
    say(willBuild.size === 1 ? 'this derivation will be built:' : `these ${willBuild.size} derivations will be built:`);
    list(willBuild);
  }
  if (unplanned.length > 0) {
    const what = unplanned.length === 1 ? 'this is an output of a derivation' : 'these are outputs of derivations';
    say(`${what} that a build makes first, so what more is needed will show then:`);
    for (const path of unplanned) say(`  ${displayBytes(formatDerivingPath(store.storeDir, path))}`);
  }
  if (willSubstitute.size > 0) {
    const what = willSubstitute.size === 1 ? 'this path' : `these ${willSubstitute.size} paths`;
    const sizes = `${formatSize(missing.downloadSize)} download, ${formatSize(missing.narSize)} unpacked`;
    say(`${what} will be fetched (${sizes}):`);
    list([...willSubstitute].toSorted(compareByName));
  }
  if (unknown.size > 0) {
    say("don't know how to build these paths:");
    list([...unknown].toSorted());
  }
}

/** In the order of their names, whatever their hashes. */
export function compareByName(a: StorePath, b: StorePath): number {
  const [nameA, nameB] = [storePathName(a), storePathName(b)];
  if (nameA !== nameB) return nameA < nameB ? -1 : 1;
  return a < b ? -1 : 1;
}
