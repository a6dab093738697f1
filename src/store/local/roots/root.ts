import type { StorePath } from '../../../nix-compat/index.ts';

/** What keeps a store path from being collected. */
export interface Root {
  readonly path: StorePath;
  /** For people: the link that points at it, or what of a process holds it (`{temp:12}`, `/proc/12/exe`). */
  readonly holder: string;
}
