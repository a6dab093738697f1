import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Reporter } from '../../base/index.ts';
import { type StoreDir, defaultStoreDir, parseStoreDir } from '../../nix-compat/index.ts';
import type { StoreFiles } from '../store-parameters.ts';

/** The folders that an invocation was given for its stores; all absolute and canonical. */
export interface StoreEnvironment {
  /** Where store paths are printed to be. */
  readonly storeDir: string;
  /** Whether somebody chose it (NIX_STORE_DIR). */
  readonly isStoreDirChosen: boolean;
  /** Of the store that has no other. */
  readonly dataFolder: string;
  /** Where C++ Nix would keep its state, if somebody chose it (NIX_STATE_DIR). */
  readonly chosenStateDir: string | undefined;
  /** For logs of builds, if somebody chose it (NIX_LOG_DIR). */
  readonly chosenLogDir: string | undefined;
  /** For what can be had again: what binary caches have said. */
  readonly cacheFolder: string;
  /** Where a daemon of C++ Nix's listens, if there is one, or ours in its place. */
  readonly daemonSocket: string;
  /** Of root's store, for users who have chosen none. */
  readonly sharedDataFolder: string | undefined;
  readonly isRoot: boolean;
}

/** What the URI of a local store says of its places; undefined where it leaves them to the environment. */
export interface ChosenPlaces extends StoreFiles {
  readonly storeDir: StoreDir;
  readonly isStoreDirChosen: boolean;
}

export interface LocalPlaces {
  readonly dataFolder: string;
  readonly realStoreDir: string;
  /**
   * Where links to store paths lead, if not to where these are: a store below another root is for those who have that root
   * as theirs, as in C++ Nix. Where it is private for want of a right to `/nix/store`, links lead to what is there.
   */
  readonly linkedStoreDir?: string;
  readonly logDir: string;
}

/**
 * Where a local store is. The store directory itself is written to where it is ours: chosen by somebody, or root's.
 * Otherwise, and always where another Nix's database governs it, the data folder has a private one.
 */
export function localPlaces(chosen: ChosenPlaces, environment: StoreEnvironment, reporter: Reporter): LocalPlaces {
  const { root, storeDir } = chosen;
  const wanted = chosen.state ?? (root === undefined ? environment.dataFolder : join(root, 'nix', 'var', 'nix'));
  // Where another Nix keeps its state we have ours beside it.
  const dataFolder = isOfOther(wanted) ? join(wanted, 'firn') : wanted;
  const logDir =
    chosen.log ??
    (root === undefined
      ? (environment.chosenLogDir ?? join(dataFolder, 'log'))
      : join(root, 'nix', 'var', 'log', 'nix'));
  if (chosen.real !== undefined) return { dataFolder, logDir, realStoreDir: chosen.real };
  if (root !== undefined) {
    return { dataFolder, logDir, realStoreDir: join(root, 'nix', 'store'), linkedStoreDir: storeDir };
  }
  const governor = governorOf(storeDir, environment);
  if (governor === undefined && (chosen.isStoreDirChosen || environment.isRoot)) {
    return { dataFolder, logDir, realStoreDir: storeDir };
  }
  const realStoreDir = join(dataFolder, 'root', storeDir);
  if (governor !== undefined) {
    const message = `'${storeDir}' belongs to another Nix, whose database is in '${governor}', so Firn will use '${realStoreDir}'`;
    // Once is enough: the folder is there from then on.
    if (existsSync(realStoreDir)) reporter.log('debug', message);
    else reporter.warn(message);
  }
  return { dataFolder, logDir, realStoreDir };
}

/** The state directory of another Nix whose database governs `storeDir`. */
export function governorOf(storeDir: StoreDir, environment: StoreEnvironment): string | undefined {
  const stateDir = environment.chosenStateDir ?? (storeDir === defaultStoreDir ? '/nix/var/nix' : undefined);
  return stateDir !== undefined && governs(stateDir) ? stateDir : undefined;
}

/** The places of the store that nobody has named. */
export function defaultPlaces(environment: StoreEnvironment, reporter: Reporter): LocalPlaces {
  const { isStoreDirChosen } = environment;
  const chosen = { root: undefined, state: undefined, log: undefined, real: undefined, isStoreDirChosen };
  return localPlaces({ ...chosen, storeDir: parseStoreDir(environment.storeDir) }, environment, reporter);
}

/** Where the daemon of a data folder listens. */
export function socketOf({ dataFolder }: Pick<LocalPlaces, 'dataFolder'>): string {
  return join(dataFolder, 'socket');
}

/** C++ Nix keeps the version of its tables in this file, which no data folder of ours has. */
function isOfOther(stateDir: string): boolean {
  return existsSync(join(stateDir, 'db', 'schema'));
}

/** Whether another Nix keeps its state there and knows any store path: otherwise there is nothing that it could miss. */
export function governs(stateDir: string): boolean {
  if (!isOfOther(stateDir)) return false;
  try {
    using database = new DatabaseSync(join(stateDir, 'db', 'db.sqlite'), { readOnly: true });
    return database.prepare('SELECT 1 FROM ValidPaths LIMIT 1').get() !== undefined;
  } catch {
    // What cannot be looked at may hold anything.
    return true;
  }
}
