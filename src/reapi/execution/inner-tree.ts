import { type Stats, chownSync, lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { brandAs, errnoOf } from '../../base/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { ReapiError } from '../error.ts';
import type { InnerPath } from './inner-path.ts';

/** Symlinks beyond which a path is a loop: Linux's number. */
const maxLinks = 40;

export interface InnerTreeOptions {
  /** Where the tree is on this machine's disk. */
  readonly root: string;
  /** Where the action sees it: absolute symlinks begin there, or lead out of it. Empty for the root. */
  readonly seenAs: string;
  /** To whom folders belong that are made, if not to us. */
  readonly owner: UserIds | undefined;
}

/** Where a path leads. */
export type Place =
  /** `real`: on this machine's disk, without symlinks but for the last name. */
  | { readonly kind: 'inside'; readonly path: InnerPath; readonly real: string; readonly stats: Stats | undefined }
  /** Out of the tree, to what the action sees there. */
  | { readonly kind: 'outside'; readonly target: string }
  /** Through a file, or through too many symlinks. */
  | { readonly kind: 'nowhere' };

/**
 * An action's files, which nobody is to be trusted about: symlinks in it are followed as the action would have, never out
 * of it. Nobody may change it meanwhile.
 */
export class InnerTree {
  readonly #options: InnerTreeOptions;

  constructor(options: InnerTreeOptions) {
    this.#options = options;
  }

  real(path: InnerPath): string {
    const { root } = this.#options;
    return path === '' ? root : `${root}/${path}`;
  }

  /** Follows symlinks, but for one that is the last name unless `followsLast`. */
  resolve(path: InnerPath, { followsLast = false } = {}): Place {
    let names: string[] = [];
    // Those to come, the next one first.
    const left = splitNames(path);
    let links = 0;
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === '..') {
        // Above the tree's own folder nothing is ours.
        if (names.pop() === undefined)
          return { kind: 'outside', target: [this.#options.seenAs, '..', ...left].join('/') };
        continue;
      }
      names.push(name);
      const at = brandAs<InnerPath>(names.join('/'));
      const stats = this.#stats(at);
      if (stats === undefined || (left.length === 0 && !(followsLast && stats.isSymbolicLink()))) {
        if (left.length > 0) return this.#absent([...names, ...left]);
        return { kind: 'inside', path: at, real: this.real(at), stats };
      }
      if (stats.isSymbolicLink()) {
        if (++links > maxLinks) return { kind: 'nowhere' };
        names.pop();
        const target = readlinkSync(this.real(at));
        if (!target.startsWith('/')) left.unshift(...splitNames(target));
        else {
          const inner = this.#innerOf(target);
          if (inner === undefined) return { kind: 'outside', target: [target, ...left].join('/') };
          names = [];
          left.unshift(...splitNames(inner));
        }
      } else if (!stats.isDirectory()) return { kind: 'nowhere' };
    }
    const at = brandAs<InnerPath>(names.join('/'));
    return { kind: 'inside', path: at, real: this.real(at), stats: this.#stats(at) };
  }

  /** What is below something that is not there. */
  #absent(names: readonly string[]): Place {
    if (names.includes('..')) return { kind: 'nowhere' };
    const path = brandAs<InnerPath>(names.join('/'));
    return { kind: 'inside', path, real: this.real(path), stats: undefined };
  }

  #innerOf(target: string): string | undefined {
    const { seenAs } = this.#options;
    if (target === seenAs) return '';
    return target.startsWith(`${seenAs}/`) ? target.slice(seenAs.length + 1) : undefined;
  }

  #stats(path: InnerPath): Stats | undefined {
    try {
      return lstatSync(this.real(path), { throwIfNoEntry: false });
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ENAMETOOLONG') return undefined;
      throw error;
    }
  }

  /** Makes the folder `path` with all that it is in, where they are not. Throws `action/malformed`. */
  makeFolder(path: InnerPath, what: string): void {
    const { owner } = this.#options;
    const names = splitNames(path);
    for (let count = 1; count <= names.length; count++) {
      const at = brandAs<InnerPath>(names.slice(0, count).join('/'));
      const place = this.resolve(at, { followsLast: true });
      const inTheWay = `${what} needs the folder '${at}', but something else is there`;
      if (place.kind !== 'inside' || (place.stats !== undefined && !place.stats.isDirectory()))
        throw new ReapiError('action/malformed', inTheWay);
      if (place.stats !== undefined) continue;
      try {
        mkdirSync(place.real, 0o755);
      } catch (cause) {
        // A symlink to what is in nothing.
        if (errnoOf(cause) !== 'ENOENT') throw cause;
        throw new ReapiError('action/malformed', inTheWay, { cause });
      }
      if (owner !== undefined) chownSync(place.real, owner.user, owner.group);
    }
  }
}

function splitNames(path: string): string[] {
  return path.split('/').filter(name => name !== '' && name !== '.');
}
