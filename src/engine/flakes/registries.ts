import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type Reporter, byteStringFromText, messageOf } from '../../base/index.ts';
import {
  type FlakeRef,
  commitOf,
  equalInputs,
  evalError,
  inputAtCommit,
  inputToUrl,
  isDirectInput,
  matchesInput,
} from '../../eval/index.ts';
import type { InputRecorder } from '../evaluation-cache/input-recorder.ts';
import { openDownload, type DownloadOptions } from '../../store/index.ts';
import { type RegistryEntry, type RegistryKind, readRegistry } from './registry.ts';

/** Which registries are asked: none, those of command lines and everybody's, or also those of user and machine. */
export type RegistryUse = 'none' | 'limited' | 'all';

export interface RegistriesOptions {
  readonly userFile: string;
  readonly systemFile: string;
  /** The setting `flake-registry`: a file, a URL, or nothing. */
  readonly global: string;
  /** For what was downloaded, as long as it counts as new: seconds. */
  readonly cacheFolder: string;
  readonly lifetime: number;
  readonly download: DownloadOptions;
  /** Hears of the files that are read, if somebody records that now. */
  readonly inputs?: () => InputRecorder | undefined;
}

export interface Registry {
  readonly kind: RegistryKind;
  readonly entries: readonly RegistryEntry[];
}

/** Entries that follow each other without an end are told from many. */
const maxSteps = 100;

/** What names of flakes stand for. Each registry is read when it is first asked for. */
export class Registries {
  readonly #options: RegistriesOptions;
  readonly #overrides: RegistryEntry[] = [];
  #read: Promise<readonly Registry[]> | undefined;

  constructor(options: RegistriesOptions) {
    this.#options = options;
  }

  /** Adds to what command lines say. */
  override(from: RegistryEntry['from'], to: FlakeRef): void {
    this.#overrides.push({ from, to, isExact: false });
  }

  /** In the order in which they are asked. Throws `cache/transfer-failed` where everybody's cannot be had. */
  all(): Promise<readonly Registry[]> {
    return (this.#read ??= this.#readAll());
  }

  async #readAll(): Promise<readonly Registry[]> {
    const { userFile, systemFile, global, download } = this.#options;
    const { reporter } = download;
    const inputs = this.#options.inputs?.();
    const isOwn = global === '' || isAbsolute(global);
    // What is at the URL is asked again when it counts as old.
    if (!isOwn) inputs?.lose();
    const globalFile = isOwn ? global : await this.#downloadGlobal(global, reporter);
    for (const file of [userFile, systemFile, globalFile]) {
      if (file !== '') inputs?.otherFile(byteStringFromText(file));
    }
    return [
      { kind: 'flag', entries: this.#overrides },
      { kind: 'user', entries: readRegistry(userFile, reporter) },
      { kind: 'system', entries: readRegistry(systemFile, reporter) },
      { kind: 'global', entries: globalFile === '' ? [] : readRegistry(globalFile, reporter) },
    ];
  }

  /** The file of what was downloaded, perhaps before. */
  async #downloadGlobal(url: string, reporter: Reporter): Promise<string> {
    const { cacheFolder, lifetime, download } = this.#options;
    const file = join(cacheFolder, `flake-registry-v1-${Buffer.from(url).toString('hex').slice(-64)}.json`);
    const age = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    if (age !== undefined && Date.now() - age < lifetime * 1000) return file;
    if (!URL.canParse(url)) throw evalError`'${url}' is not a valid URL`;
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await openDownload(new URL(url), download)) chunks.push(chunk);
      mkdirSync(dirname(file), { recursive: true });
      // Others may read it now.
      const written = `${file}.${process.pid}`;
      writeFileSync(written, Buffer.concat(chunks));
      renameSync(written, file);
    } catch (error) {
      download.signal?.throwIfAborted();
      if (age === undefined) throw error;
      reporter.warn(`${messageOf(error)}; using cached version`);
    }
    return file;
  }

  /** What a reference stands for, itself if that is so for none of the registries. Throws `eval/error`. */
  async resolve(flake: FlakeRef, use: RegistryUse): Promise<FlakeRef> {
    if (use === 'none') return flake;
    const registries = (await this.all()).filter(({ kind }) => use === 'all' || kind === 'flag' || kind === 'global');
    const entries = registries.flatMap(registry => registry.entries);
    let { input, folder } = flake;
    for (let step = 0; step < maxSteps; step++) {
      const at = input;
      const found = entries.find(({ from, isExact }) => (isExact ? equalInputs : matchesInput)(from, at));
      if (found === undefined) {
        if (isDirectInput(input)) return { input, folder };
        throw evalError`cannot find flake '${inputToUrl(input)}' in the flake registries`;
      }
      const { from, to, isExact } = found;
      const [named, wanted] = [commitOf(from), commitOf(input)];
      const ref = named.ref === undefined ? wanted.ref : undefined;
      const rev = named.rev === undefined ? wanted.rev : undefined;
      input = isExact ? to.input : inputAtCommit(to.input, { ref, rev });
      folder = to.folder === '' ? flake.folder : to.folder;
    }
    throw evalError`cycle detected in flake registry for '${inputToUrl(input)}'`;
  }
}
