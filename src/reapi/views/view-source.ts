import { type ByteString, brandAs } from '../../base/index.ts';
import type { Digest, DirectoryEntry, Node } from '../../castore/index.ts';
import type { FetchOptions, FuseProblem, NodeSource, SourceOptions } from '../../fuse/index.ts';
import type { AccessProfiles } from './access-profiles.ts';

/** What views ask for: of the store, unless they are those of actions that add to what they see. */
export class ViewSource implements NodeSource {
  /** What views show that grow, by their names. */
  readonly growing = new Map<string, ReadonlyMap<string, Node>>();
  readonly #store: NodeSource;
  readonly #profiles: AccessProfiles;

  constructor(store: NodeSource, profiles: AccessProfiles) {
    this.#store = store;
    this.#profiles = profiles;
  }

  fetchBlob(digest: Digest, options: FetchOptions): Promise<Uint8Array | undefined> {
    this.#profiles.note(options.view, digest);
    return this.#store.fetchBlob(digest, options);
  }

  async resolveName(view: ByteString, name: ByteString, options: SourceOptions): Promise<Node | undefined> {
    const shown = this.growing.get(view);
    return shown === undefined ? this.#store.resolveName?.(view, name, options) : shown.get(name);
  }

  async listNames(view: ByteString, options: SourceOptions): Promise<readonly DirectoryEntry[]> {
    const shown = this.growing.get(view);
    if (shown === undefined) return (await this.#store.listNames?.(view, options)) ?? [];
    return Array.from(shown, ([name, node]) => ({ name: brandAs<ByteString>(name), node }));
  }

  reportProblem(problem: FuseProblem): void {
    this.#store.reportProblem(problem);
  }
}
