import type { DownloadAccess } from '../../../store/index.ts';
import { EngineError } from '../../error.ts';

/** A place that a file can be had from. */
export interface MirrorPlace {
  readonly url: URL;
  readonly access?: DownloadAccess | undefined;
}

export interface MirrorsOptions {
  /** Of the environment that the machine's own clients (npm, apt) would have. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly workingFolder: string;
  /**
   * URLs by the name of the mirror, asked for when they are needed; those of `*` are of folders that have one folder for
   * each name.
   */
  readonly configured?: () => ReadonlyMap<string, readonly string[]>;
}

/** Throws `mirror/bad-url`. */
export function placeBelow(base: string, path: string): MirrorPlace {
  const url = URL.parse(path.replace(/^\/+/, './'), base.endsWith('/') ? base : `${base}/`);
  if (url !== null) return { url };
  throw new EngineError('mirror/bad-url', `'${base}' is not the URL of a mirror`);
}
