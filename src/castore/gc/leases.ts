import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { type Digest, type Sha256, sha256FromBytes, sha256ToBytes } from '../digest.ts';
import type { DataFolder } from '../disk/data-folder.ts';
import { makeFolder } from '../disk/make-folder.ts';
import { HashSet } from './hash-set.ts';
import type { LiveRoots } from './blob-marks.ts';

const hashSize = 32;

/** A file of leases; a process has one for each period in which it gives any. */
interface LeaseFile {
  readonly path: string;
  /** The last second at which what it names is kept. */
  readonly until: number;
}

/** `UNTIL-PROCESS-SERIAL`, UNTIL in seconds since the epoch. */
const fileName = /^([0-9]{1,15})-[0-9]+-[0-9]+$/;

let serial = 0;

/**
 * Leases: blobs that somebody was told are here stay for a time, whoever collects garbage. A lease is 32 bytes in a file of
 * `leases/` (docs/formats/data-folder.md), which says by its name until when it counts. Files are appended to and never
 * synced: a promise outlives the process that made it, not the machine's crash, after which no client is connected.
 *
 * Time goes in periods of half a lease's length, so that a blob is written at most once a period, however often it is asked for.
 */
export class Leases implements Disposable {
  readonly #folder: DataFolder;
  /** In seconds. */
  readonly #period: number;
  readonly #now: () => number;
  #current: { readonly until: number; readonly leased: HashSet; readonly fd: number } | undefined;

  /** `duration` in seconds: what is leased is kept so long, and at most half as long again. */
  constructor(folder: DataFolder, options: { readonly duration: number; readonly now?: () => number }) {
    this.#folder = folder;
    this.#period = Math.max(1, Math.ceil(options.duration / 2));
    this.#now = options.now ?? Date.now;
  }

  /** The last second of what is leased now: when it changes, what was leased before needs a new lease. */
  get until(): number {
    const period = Math.floor(this.#now() / 1000 / this.#period);
    return (period + 3) * this.#period;
  }

  /**
   * Leases blobs. Who has not added them in a batch that is still open takes the additions' lock after this and before it
   * looks whether they are here: only then no collection is under way that has not heard of the leases. False when all
   * were leased already, and no lock is needed.
   */
  add(digests: Iterable<Digest>): boolean {
    const { until } = this;
    if (this.#current?.until !== until) this.#begin(until);
    const current = this.#current;
    if (current === undefined) throw new TypeError('no file of leases');
    const fresh: Buffer[] = [];
    for (const { hash } of digests) if (current.leased.add(hash)) fresh.push(sha256ToBytes(hash));
    if (fresh.length === 0) return false;
    this.#append(current.fd, Buffer.concat(fresh));
    return true;
  }

  #append(fd: number, bytes: Buffer): void {
    const fs = this.#folder.fileSystem;
    try {
      for (let at = 0; at < bytes.byteLength;) at += fs.writeSync(fd, bytes, at, bytes.byteLength - at);
    } catch (error) {
      // Half a hash would shift those that follow, and what this file says is not known: a new one is begun.
      this[Symbol.dispose]();
      throw error;
    }
  }

  #begin(until: number): void {
    this[Symbol.dispose]();
    const fs = this.#folder.fileSystem;
    const folder = leaseFolder(this.#folder);
    makeFolder(fs, folder);
    const fd = fs.openSync(join(folder, `${until}-${process.pid}-${serial++}`), 'ax', 0o600);
    this.#current = { until, leased: new HashSet(), fd };
  }

  /** What was leased stays leased. */
  [Symbol.dispose](): void {
    if (this.#current !== undefined) this.#folder.fileSystem.closeSync(this.#current.fd);
    this.#current = undefined;
  }
}

function leaseFolder(folder: DataFolder): string {
  return join(folder.path, 'leases');
}

/** What leases keep, for a collection. */
export class LeasedRoots {
  readonly #folder: DataFolder;
  readonly #now: () => number;
  /** Bytes of each file that were read. */
  readonly #read = new Map<string, number>();

  constructor(folder: DataFolder, now: () => number = Date.now) {
    this.#folder = folder;
    this.#now = now;
  }

  /** What came since the last call. */
  next(): LiveRoots {
    return { nodes: [], blobs: this.#blobs() };
  }

  /** Removes files of leases that have ended. */
  removeEnded(): void {
    for (const { path, until } of this.#files()) {
      if (until * 1000 < this.#now()) this.#folder.fileSystem.rmSync(path, { force: true });
    }
  }

  *#blobs(): Generator<{ readonly hash: Sha256 }, void> {
    for (const { path, until } of this.#files()) if (until * 1000 >= this.#now()) yield* this.#rest(path);
  }

  *#rest(path: string): Generator<{ readonly hash: Sha256 }, void> {
    const fs = this.#folder.fileSystem;
    const fd = fs.openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(hashSize * 4096);
      for (;;) {
        const at = this.#read.get(path) ?? 0;
        const count = fs.readSync(fd, buffer, 0, buffer.byteLength, at);
        const whole = count - (count % hashSize);
        if (whole === 0) return;
        this.#read.set(path, at + whole);
        for (let i = 0; i < whole; i += hashSize) {
          yield { hash: sha256FromBytes(buffer.subarray(i, i + hashSize)) };
        }
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  #files(): LeaseFile[] {
    const folder = leaseFolder(this.#folder);
    let names: readonly string[];
    try {
      names = this.#folder.fileSystem.readdirSync(folder);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
    return names.flatMap(name => {
      const until = fileName.exec(name)?.[1];
      return until === undefined ? [] : [{ path: join(folder, name), until: Number(until) }];
    });
  }
}
