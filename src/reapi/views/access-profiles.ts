import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { type Digest, formatDigest, parseDigest } from '../../castore/index.ts';

/** Closures that are remembered; those go that were used longest ago. */
const maxProfiles = 1000;

/** Blobs of one closure. */
const maxBlobs = 20_000;

/**
 * In which order blobs of closures were read that were not here, by the names of their views (docs/formats/data-folder.md): who
 * needs a closure again when its blobs are gone has them read ahead. Nothing depends on it: what cannot be read or written is
 * as if it were not there.
 */
export class AccessProfiles {
  readonly #folder: string;
  /** What was read since views are shown. */
  readonly #running = new Map<string, Map<string, Digest>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  begin(view: string): void {
    this.#running.set(view, new Map());
  }

  note(view: string, digest: Digest): void {
    const running = this.#running.get(view);
    if (running !== undefined && running.size < maxBlobs) running.set(formatDigest(digest), digest);
  }

  /** What was read before, in its order. */
  read(view: string): Digest[] {
    let text: string;
    try {
      text = readFileSync(join(this.#folder, view), 'latin1');
      // For whoever looks which was used last.
      utimesSync(join(this.#folder, view), new Date(), new Date());
    } catch {
      return [];
    }
    return text.split('\n').flatMap(line => parseDigest(line) ?? []);
  }

  /** Remembers what was read of a view that is no longer shown, behind what was read before. */
  end(view: string): void {
    const fresh = this.#running.get(view);
    this.#running.delete(view);
    if (fresh === undefined || fresh.size === 0) return;
    const known = new Set(this.read(view).map(formatDigest));
    const all = [...known, ...new Set(fresh.keys()).difference(known)].slice(0, maxBlobs);
    if (all.length === known.size) return;
    try {
      mkdirSync(this.#folder, { recursive: true });
      const draft = join(this.#folder, `${view}.${process.pid}`);
      writeFileSync(draft, all.map(line => `${line}\n`).join(''));
      renameSync(draft, join(this.#folder, view));
      this.#forgetOld();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  #forgetOld(): void {
    const names = readdirSync(this.#folder);
    if (names.length <= maxProfiles) return;
    const byAge = names
      .map(name => ({ name, time: statSync(join(this.#folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .toSorted((a, b) => a.time - b.time);
    for (const { name } of byAge.slice(0, names.length - maxProfiles))
      rmSync(join(this.#folder, name), { force: true });
  }
}
