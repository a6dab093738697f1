import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { errnoOf } from '../../base/index.ts';
import { type EvaluationRecord, asRecord } from './evaluation-record.ts';

/** What a file begins with (docs/formats/evaluation-cache.md). */
const magic = Buffer.from('firn evaluation 2\n');
const checksumSize = 4;

/** Beyond these the records that were used longest ago are removed, until this share of each is left. */
const maxRecords = 1000;
const maxBytes = 256 * 1024 * 1024;
const shareLeft = 0.75;

/** How many folders above that of the records are made: `~/.cache/nix`. A home that is not there is not wanted. */
const foldersAbove = 2;

/** How old the mark of a record's last use becomes before it is renewed, in ms. */
const useResolution = 3_600_000;

/**
 * Records of evaluations in a folder, each in a file that is named after what was asked. Any number of processes may use it
 * at once. It is only ever a help: what cannot be read is not there, and what cannot be written is not kept.
 */
export class EvaluationCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The record of the answer to a question. */
  find(question: string): EvaluationRecord | undefined {
    const path = join(this.#folder, nameOf(question));
    return lenient(() => {
      const { mtimeMs } = statSync(path);
      const record = decode(readFileSync(path));
      if (record?.question !== question) return undefined;
      const now = Date.now();
      if (now - mtimeMs > useResolution) utimesSync(path, now / 1000, now / 1000);
      return record;
    });
  }

  keep(record: EvaluationRecord): void {
    const name = nameOf(record.question);
    lenient(() => {
      makeFolder(this.#folder, foldersAbove);
      // Whoever reads it meanwhile has the old one or the new one.
      const draft = join(this.#folder, `${name}.${process.pid}.new`);
      writeFileSync(draft, encode(record), { mode: 0o600 });
      renameSync(draft, join(this.#folder, name));
      this.#bound();
    });
  }

  #bound(): void {
    const files = readdirSync(this.#folder).flatMap(name => {
      const stats = statSync(join(this.#folder, name), { throwIfNoEntry: false });
      return stats === undefined ? [] : [{ name, size: stats.size, used: stats.mtimeMs }];
    });
    let count = files.length;
    let bytes = files.reduce((sum, { size }) => sum + size, 0);
    if (count <= maxRecords && bytes <= maxBytes) return;
    for (const { name, size } of files.toSorted((a, b) => a.used - b.used)) {
      if (count <= maxRecords * shareLeft && bytes <= maxBytes * shareLeft) break;
      rmSync(join(this.#folder, name), { force: true });
      count--;
      bytes -= size;
    }
  }
}

function makeFolder(path: string, above: number): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || above === 0) throw error;
    makeFolder(dirname(path), above - 1);
    makeFolder(path, 0);
  }
}

function encode(record: EvaluationRecord): Buffer {
  const payload = serialize(record);
  return Buffer.concat([magic, checksumOf(payload), payload]);
}

/** Undefined for what is damaged. */
function decode(bytes: Buffer): EvaluationRecord | undefined {
  const start = magic.byteLength + checksumSize;
  if (bytes.byteLength < start || !bytes.subarray(0, magic.byteLength).equals(magic)) return undefined;
  const payload = bytes.subarray(start);
  if (!checksumOf(payload).equals(bytes.subarray(magic.byteLength, start))) return undefined;
  return asRecord(deserialize(payload));
}

/** The file of a question's answer; that of another one may have the same name, which is as if this had not been kept. */
function nameOf(question: string): string {
  return `${checksumOf(question).toString('hex')}-${question.length}`;
}

/** Tells what was damaged. SHA-256 would have to be loaded first, which takes a fifteenth of all that recalling an answer does. */
function checksumOf(bytes: Uint8Array | string): Buffer {
  const sum = Buffer.allocUnsafe(checksumSize);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}

function lenient<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
