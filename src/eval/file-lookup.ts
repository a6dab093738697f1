import { type ByteString, FirnError, brandAs, displayBytes } from '../base/index.ts';
import type { AccessList } from './access.ts';
import { canonicalPathOf, parentOf } from './canonical-path.ts';
import { mark } from './error-log.ts';
import { EvalError } from './eval-error.ts';
import type { EvalIO, FileType } from './eval-io.ts';
import type { ShownTrees } from './shown-trees.ts';
import { internalPath, readInternalFile } from './internal-files.ts';

export interface SearchPathEntry {
  readonly prefix: ByteString;
  readonly path: ByteString;
}

/** What finding files takes: the evaluator. */
export interface LookupWorld {
  readonly io: EvalIO;
  readonly access: AccessList | undefined;
  /** Comes after every search path. */
  readonly library: SearchPathEntry | undefined;
  /** Where in the store the tree at a URL is; suspends the evaluation. */
  fetchPlace(text: ByteString): ByteString;
  warn(text: string): void;
  ifGivenUp(undo: () => void): void;
  readonly shownTrees: ShownTrees;
}

/** Links within each other, beyond which there is no end to be expected. */
const maxLinks = 1000;

/** Finds files: through symlinks, and on the search path. What links lead to is looked up once. */
export class FileLookup {
  readonly #world: LookupWorld;
  readonly #links = new Map<ByteString, ByteString | undefined>();
  /** What was there when it was looked at first. */
  readonly #known = new Map<ByteString, FileType>();
  /** By search path entry: where it is; undefined where it is nowhere, which was said once. */
  readonly #entries = new Map<ByteString, ByteString | undefined>();

  constructor(world: LookupWorld) {
    this.#world = world;
  }

  /** What an absolute path leads to: through all symlinks, or through those of its folders alone. */
  resolve(path: ByteString, which: 'full' | 'ancestors' = 'full'): ByteString {
    let done = '';
    let links = 0;
    const left = path.split('/').toReversed();
    for (let part = left.pop(); part !== undefined; part = left.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
        continue;
      }
      const next = brandAs<ByteString>(`${done}/${part}`);
      const target = which === 'ancestors' && left.length === 0 ? undefined : this.#linkTarget(next);
      if (target === undefined) {
        done = next;
        continue;
      }
      if (++links > maxLinks) {
        throw new EvalError('eval/error', `infinite symlink recursion in path '${mark(displayBytes(path))}'`);
      }
      if (target.startsWith('/')) done = '';
      left.push(...target.split('/').toReversed());
    }
    return brandAs<ByteString>(done === '' ? '/' : done);
  }

  /** The file that an expression's path means: what a symlink leads to, and `default.nix` of a directory. */
  resolveExpression(start: ByteString): ByteString {
    if (readInternalFile(start) !== undefined) return start;
    let path = start;
    for (let followed = 1; path !== '/'; followed++) {
      if (followed >= maxLinks) {
        const message = `too many symbolic links encountered while traversing the path '${mark(displayBytes(path))}'`;
        throw new EvalError('eval/error', message);
      }
      const real = this.resolve(path, 'ancestors');
      if (this.typeOf(real) !== 'symlink') break;
      const target = this.#world.io.readLink(real);
      // The folders above stay as they are written: what is relative to the file is relative to them.
      path = canonicalPathOf(target.startsWith('/') ? target : brandAs<ByteString>(`${parentOf(path)}/${target}`));
    }
    const isFolder = this.typeOf(this.resolve(path)) === 'directory';
    return isFolder ? brandAs<ByteString>(`${path === '/' ? '' : path}/default.nix`) : path;
  }

  /** The type of what is at a path. Throws `eval/error` if nothing is. */
  typeOf(path: ByteString): FileType {
    this.#world.access?.check(path);
    const found = this.#known.get(path) ?? this.#stat(path);
    if (found !== undefined) return found;
    const shown = displayBytes(path);
    const explained = this.#world.shownTrees.explain(shown, 'absent');
    throw explained ?? new EvalError('eval/error', `path '${mark(shown)}' does not exist`);
  }

  /** The contents of the file that a path leads to. */
  read(path: ByteString): Uint8Array {
    return readInternalFile(path) ?? this.#world.io.readFile(this.resolve(path));
  }

  /** The type of what is at a path; undefined if nothing is, which is not remembered: it may be built. */
  #stat(path: ByteString): FileType | undefined {
    const found = this.#world.io.stat(path)?.type;
    if (found !== undefined) this.#known.set(path, found);
    return found;
  }

  #linkTarget(path: ByteString): ByteString | undefined {
    if (!this.#links.has(path)) {
      const { io } = this.#world;
      this.#links.set(path, this.#stat(path) === 'symlink' ? io.readLink(path) : undefined);
    }
    return this.#links.get(path);
  }

  /** The first file that an entry of `search` has for `name`. Throws `eval/throw`, which `tryEval` catches. */
  find(search: readonly SearchPathEntry[], name: ByteString): ByteString {
    const { access, io, library } = this.#world;
    for (const { prefix, path } of library === undefined ? search : [...search, library]) {
      const rest = restAfter(prefix, name);
      const folder = rest === undefined ? undefined : this.#entry(path);
      if (rest === undefined || folder === undefined) continue;
      const found = this.resolve(canonicalPathOf(brandAs<ByteString>(`${folder}/${rest}`)));
      if (io.stat(found) !== undefined) return found;
      access?.check(found);
    }
    const internal = internalPath(name);
    if (internal !== undefined) return internal;
    const shown = mark(displayBytes(name));
    throw new EvalError(
      'eval/throw',
      access?.purity === 'pure'
        ? `cannot look up '<${shown}>' in pure evaluation mode (use '--impure' to override)`
        : `file '${shown}' was not found in the Nix search path (add it using $NIX_PATH or -I)`,
    );
  }

  /** Where an entry of the search path is. What is nowhere is left out, with a warning. */
  #entry(path: ByteString): ByteString | undefined {
    if (!this.#entries.has(path)) {
      this.#entries.set(path, this.#findEntry(path));
      this.#world.ifGivenUp(() => this.#entries.delete(path));
    }
    return this.#entries.get(path);
  }

  #findEntry(path: ByteString): ByteString | undefined {
    const shown = mark(displayBytes(path));
    if (path.startsWith('flake:')) return this.#world.fetchPlace(path);
    if (isPseudoUrl(path)) {
      try {
        return this.#world.fetchPlace(path);
      } catch (error) {
        if (!(error instanceof FirnError)) throw error;
        this.#world.warn(`Nix search path entry '${shown}' cannot be downloaded, ignoring`);
        return undefined;
      }
    }
    const absolute = this.absolutePath(path);
    if (this.#world.io.stat(this.resolve(absolute)) !== undefined) return absolute;
    this.#world.access?.check(absolute);
    this.#world.warn(`Nix search path entry '${shown}' does not exist, ignoring`);
    return undefined;
  }

  /** What a path on the command line or in a setting means. */
  absolutePath(path: ByteString): ByteString {
    return canonicalPathOf(
      path.startsWith('/') ? path : brandAs<ByteString>(`${this.#world.io.workingFolder}/${path}`),
    );
  }
}

const pseudoUrlSchemes = new Set(['http', 'https', 'file', 'channel', 'git', 's3', 'ssh']);

/** Whether an entry of the search path is something to download. */
export function isPseudoUrl(text: string): boolean {
  if (text.startsWith('channel:')) return true;
  const end = text.indexOf('://');
  return end >= 0 && pseudoUrlSchemes.has(text.slice(0, end));
}

/** What is left of `name` after `prefix`; undefined where that is no beginning of its parts. */
function restAfter(prefix: ByteString, name: ByteString): string | undefined {
  if (prefix === '') return name;
  if (name === prefix) return '';
  return name.startsWith(`${prefix}/`) ? name.slice(prefix.length) : undefined;
}
