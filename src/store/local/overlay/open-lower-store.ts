import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { silentReporter } from '../../../base/index.ts';
import { type StoreReference, defaultStoreDir } from '../../../nix-compat/index.ts';
import { DummyStore } from '../../dummy/dummy-store.ts';
import { StoreError } from '../../error.ts';
import { NixTablesStore } from '../../nix-tables/nix-tables-store.ts';
import { canHaveWriters } from '../../nix-tables/nix-tables.ts';
import { openAutoDaemon } from '../../open-auto-store.ts';
import { type OpenStoreContext, type StoreRequest, openStore, specifyStore } from '../../open-store.ts';
import { StoreParameters } from '../../store-parameters.ts';
import type { Store } from '../../store.ts';
import { governs, localPlaces } from '../local-places.ts';
import { openLocal, takeLocalParameters } from '../open-local-store.ts';

/** A store that others inherit from. */
export interface LowerStore {
  readonly lower: Store;
  /** Where its paths are on this machine: absolute. */
  readonly lowerStoreDir: string;
}

/**
 * The store at `reference`, to be read alone: a folder of ours or of C++ Nix's is not written to, not even beside what is there.
 * `located` is told where its paths are before it is opened, and may throw. Throws `store/unsupported` where these are not on this
 * machine, and as `openStore`.
 */
export async function openLowerStore(
  reference: StoreReference,
  context: OpenStoreContext,
  located: (lowerStoreDir: string) => void,
): Promise<LowerStore> {
  const { scheme, authority, params } = specifyStore(reference);
  const kept = reference.kind === 'auto' && params.size === 0 ? await openAutoDaemon(context) : undefined;
  if (scheme === 'local' && kept === undefined) {
    const found = findOnDisk({ scheme, authority, parameters: new StoreParameters(params), context });
    located(found.lowerStoreDir);
    return { lower: found.open(), lowerStoreDir: found.lowerStoreDir };
  }
  const lower = kept ?? (await openStore(reference, context));
  try {
    const lowerStoreDir = lower.realStoreDir ?? (isOnThisMachine(scheme) ? lower.storeDir : undefined);
    if (lowerStoreDir === undefined) {
      const message = `'${lower.uri}' cannot be below another store, since its store directory is not on this machine`;
      throw new StoreError('store/unsupported', message);
    }
    located(lowerStoreDir);
    return { lower, lowerStoreDir };
  } catch (error) {
    await lower[Symbol.asyncDispose]();
    throw error;
  }
}

function isOnThisMachine(scheme: string): boolean {
  return scheme === 'unix' || scheme === 'local';
}

interface FoundOnDisk {
  readonly lowerStoreDir: string;
  open(): Store;
}

function findOnDisk(request: StoreRequest): FoundOnDisk {
  const { parameters, context } = request;
  const { environment, reporter } = context;
  const taken = { ...takeLocalParameters(request), readOnly: true };
  parameters.warnUnknown(reporter);
  const { chosen, traits } = taken;
  const { root, storeDir } = chosen;
  const uri = parameters.formatUri('local://');
  const stateDir = chosen.state ?? (root === undefined ? foreignState(storeDir, context) : join(root, 'nix/var/nix'));
  if (governs(stateDir)) {
    const realStoreDir = chosen.real ?? (root === undefined ? storeDir : join(root, 'nix/store'));
    const logDir = chosen.log ?? join(root ?? '/', 'nix/var/log/nix');
    const open = () => new NixTablesStore({ uri, storeDir, realStoreDir, stateDir, logDir });
    return { lowerStoreDir: realStoreDir, open };
  }
  const places = localPlaces(chosen, environment, silentReporter);
  const open = (): Store => {
    const tables = join(places.dataFolder, 'db', 'db.sqlite');
    if (existsSync(tables)) return openLocal(taken, { places, uri, hasWriters: canHaveWriters(tables) }, context);
    // Nothing was added to it yet.
    return new DummyStore({ ...traits, readOnly: true, trust: noTrust, uri });
  };
  return { lowerStoreDir: places.realStoreDir, open };
}

/** Where C++ Nix has its state for a store directory of the machine. */
function foreignState(storeDir: string, { environment }: OpenStoreContext): string {
  return environment.chosenStateDir ?? (storeDir === defaultStoreDir ? '/nix/var/nix' : environment.dataFolder);
}

const noTrust = { requireSignatures: true, trustedKeys: new Map() };
