import { type ByteString, brandAs, displayBytes } from '../base/index.ts';
import { canonicalPathOf } from './canonical-path.ts';
import { EvalError } from './eval-error.ts';
import type { EvalIO } from './eval-io.ts';
import { internalPath } from './internal-files.ts';
import { mark } from './error-log.ts';

export interface SearchPathEntry {
  readonly prefix: ByteString;
  readonly path: ByteString;
}

/** Links within each other, beyond which there is no end to be expected. */
const maxLinks = 1024;

/** Finds files: through symlinks, and on the search path. What links lead to is looked up once. */
export class FileLookup {
  readonly #io: EvalIO;
  readonly #links = new Map<ByteString, ByteString | undefined>();

  constructor(io: EvalIO) {
    this.#io = io;
  }

  /** What an absolute path leads to: through all symlinks, or through those of its folders alone. */
  resolve(path: ByteString, which: 'full' | 'ancestors' = 'full'): ByteString {
    let done = '';
    let links = 0;
    const left = path.split('/').reverse();
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
      left.push(...target.split('/').reverse());
    }
    return brandAs<ByteString>(done === '' ? '/' : done);
  }

  #linkTarget(path: ByteString): ByteString | undefined {
    if (!this.#links.has(path)) {
      this.#links.set(path, this.#io.stat(path)?.type === 'symlink' ? this.#io.readLink(path) : undefined);
    }
    return this.#links.get(path);
  }

  /** The first file that an entry of `search` has for `name`. Throws `eval/throw`, which `tryEval` catches. */
  find(search: readonly SearchPathEntry[], name: ByteString): ByteString {
    for (const { prefix, path } of search) {
      const rest = restAfter(prefix, name);
      if (rest === undefined) continue;
      const found = canonicalPathOf(brandAs<ByteString>(`${path}/${rest}`));
      if (this.#io.stat(this.resolve(found)) !== undefined) return found;
    }
    const internal = internalPath(name);
    if (internal !== undefined) return internal;
    throw new EvalError(
      'eval/throw',
      `file '${mark(displayBytes(name))}' was not found in the Nix search path (add it using $NIX_PATH or -I)`,
    );
  }
}

/** What is left of `name` after `prefix`; undefined where that is no beginning of its parts. */
function restAfter(prefix: ByteString, name: ByteString): string | undefined {
  if (prefix === '') return name;
  if (name === prefix) return '';
  return name.startsWith(`${prefix}/`) ? name.slice(prefix.length) : undefined;
}
