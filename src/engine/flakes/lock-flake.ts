import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type FlakeRef,
  type FlakeToCall,
  type FlakeTree,
  evalError,
  explainJsonFault,
  formatFlakeRef,
  parentOf,
  textAttribute,
} from '../../eval/index.ts';
import { splitStorePath } from '../../nix-compat/index.ts';
import { computeLocks } from './compute-locks.ts';
import type { Flake } from './flake.ts';
import { type FlakeReading, getFlake } from './get-flake.ts';
import type { LockFlags } from './lock-flags.ts';
import { type LockNode, formatLockFile, isLockedNode, newRoot, parseLockFile } from './lock-file.ts';
import { checkFollows, diffLocks, findUnlocked } from './lock-graph.ts';
import type { RegistryUse } from './registries.ts';
import { withTraceAsync } from '../evaluation/with-trace.ts';
import { sourceFolderOf, writeLockFile } from './write-lock-file.ts';

/** What the settings say of flakes. */
export interface FlakeSettings {
  readonly usesRegistries: boolean;
  readonly allowsDirty: boolean;
  readonly allowsDirtyLocks: boolean;
  readonly warnsOfDirty: boolean;
  /** The first line of commits of lock files; a line of ours where it is empty. */
  readonly commitSummary: string;
}

export interface FlakeLocking extends FlakeReading {
  /** Has settings of a flake come into force, as far as they may. */
  readonly applyConfig: (config: Flake['config']) => void;
  readonly settings: FlakeSettings;
  /** Called where another lock file than the flake's own counts, or that changes. */
  readonly onUncertain: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** A flake and what its inputs are. */
export interface LockedFlake {
  readonly flake: Flake;
  readonly root: LockNode;
  /** Folders of the flakes that were looked at, in the store. */
  readonly places: ReadonlyMap<LockNode, ByteString>;
  /** Whether the flake is not as its revision says, for its lock file was not written. */
  readonly isDirty: boolean;
}

/**
 * Finds out what the inputs of a flake are: as its lock file says, and where that says nothing or what is not so any more,
 * as they are now. The lock file is written then, unless `flags` say otherwise. Throws `eval/…`.
 */
export async function lockFlake(locking: FlakeLocking, reference: FlakeRef, flags: LockFlags): Promise<LockedFlake> {
  const uses = flags.usesRegistries ?? locking.settings.usesRegistries;
  const flake = await getFlake(locking, reference, { use: uses ? 'all' : 'none' });
  if (flags.appliesConfig) locking.applyConfig(flake.config);
  const doing = `while updating the lock file of flake '${formatFlakeRef(flake.locked)}'`;
  return withTraceAsync({ text: doing }, () => new FlakeLock(locking, flags, uses).lock(reference, flake));
}

class FlakeLock {
  readonly #locking: FlakeLocking;
  readonly #flags: LockFlags;
  readonly #usesRegistries: boolean;

  constructor(locking: FlakeLocking, flags: LockFlags, usesRegistries: boolean) {
    this.#locking = locking;
    this.#flags = flags;
    this.#usesRegistries = usesRegistries;
  }

  async lock(reference: FlakeRef, flake: Flake): Promise<LockedFlake> {
    const { settings, reporter } = this.#locking;
    const { referenceFile, recreates, outputFile } = this.#flags;
    if (!settings.allowsDirty && referenceFile !== undefined) {
      throw evalError`reference lock file was provided, but the \`allow-dirty\` setting is set to false`;
    }
    const old = referenceFile === undefined ? this.#readLocks(flake) : this.#readReference(referenceFile);
    const inputUse: RegistryUse = this.#usesRegistries ? 'limited' : 'none';
    const { root, places } = await computeLocks(this.#locking, {
      flake,
      old: recreates ? undefined : old,
      flags: this.#flags,
      use: inputUse,
      readLocks: each => this.#readLocks(each),
      warn: message => reporter.warn(message),
    });
    checkFollows(root);
    const isSame = formatLockFile(root).text === formatLockFile(old).text;
    if (!isSame || outputFile !== undefined || referenceFile !== undefined) this.#locking.onUncertain();
    if (isSame && outputFile === undefined) return { flake, root, places, isDirty: false };
    return this.#change(reference, { flake, root, places }, old);
  }

  /** Sees to a lock file that is another now. */
  async #change(reference: FlakeRef, locked: Omit<LockedFlake, 'isDirty'>, old: LockNode): Promise<LockedFlake> {
    const { settings, reporter } = this.#locking;
    const { writes, outputFile, updates, failsOnUnlocked, commits } = this.#flags;
    const difference = diffLocks(old, locked.root);
    const shown = formatFlakeRef(reference);
    if (!writes) {
      reporter.warn(`not writing modified lock file of flake '${shown}':\n${difference.trimEnd()}`);
      return { ...locked, isDirty: true };
    }
    const folder = sourceFolderOf(reference.input);
    if (folder === undefined && outputFile === undefined) {
      throw evalError`cannot write modified lock file of flake '${shown}' (use '--no-write-lock-file' to ignore)`;
    }
    const unlocked = findUnlocked(locked.root, settings.allowsDirtyLocks);
    if (unlocked !== undefined) {
      const what = formatFlakeRef(unlocked);
      if (failsOnUnlocked) {
        throw evalError`Not writing lock file of flake '${shown}' because it has an unlocked input ('${what}'). Use '--allow-dirty-locks' to allow this anyway.`;
      }
      if (settings.warnsOfDirty) {
        reporter.warn(`not writing lock file of flake '${shown}' because it has an unlocked input ('${what}')`);
      }
      return { ...locked, isDirty: false };
    }
    if (!updates) {
      throw evalError`flake '${shown}' requires lock file changes but they're not allowed due to '--no-update-lock-file'`;
    }
    const text = `${formatLockFile(locked.root).text}\n`;
    if (outputFile !== undefined) {
      if (commits) throw evalError`'--commit-lock-file' and '--output-lock-file' are incompatible`;
      writeFileSync(outputFile, text);
    } else if (folder !== undefined)
      await writeLockFile(this.#locking, { reference, folder, text, difference, commits });
    // The flake stays as it was fetched, as C++ Nix has it: what was written is seen by the next command.
    return { ...locked, isDirty: false };
  }

  #readReference(path: string): LockNode {
    if (!existsSync(path)) return newRoot();
    return this.#parse(readFileSync(path), path);
  }

  #parse(text: Uint8Array, path: string): LockNode {
    const { sources, reporter } = this.#locking;
    return parseLockFile(text, {
      path,
      warn: message => reporter.warn(message),
      explain: bytes => explainJsonFault(sources.evaluator, bytes),
    });
  }

  /** Of the lock file beside a `flake.nix`, if there is one. */
  #readLocks(flake: Flake): LockNode {
    const { files, io } = this.#locking.sources.evaluator;
    const path = byteStringFromText(`${displayBytes(parentOf(flake.path))}/flake.lock`);
    if (io.stat(files.resolve(path)) === undefined) return newRoot();
    const shown = flake.shown.replace(/flake\.nix$/, 'flake.lock');
    return this.#parse(files.read(path), shown);
  }
}

/** What evaluating a locked flake takes. */
export function flakeToCall({ sources }: FlakeLocking, { flake, root, places, isDirty }: LockedFlake): FlakeToCall {
  const { storeDir } = sources.evaluator.io;
  const { text, names } = formatLockFile(root);
  const trees = new Map<string, FlakeTree>();
  for (const [node, place] of places) {
    const name = names.get(node);
    if (name === undefined) continue;
    const { storePath, rest } = splitStorePath(storeDir, place);
    const { attributes } = (isLockedNode(node) ? node.locked : flake.locked).input;
    const narHash = textAttribute(attributes, 'narHash');
    const folder = displayBytes(byteStringFromLatin1(rest.slice(1)));
    trees.set(name, { path: storePath, narHash, attributes, folder, isDirty: node === root && isDirty });
  }
  return { lockFile: text, trees };
}
