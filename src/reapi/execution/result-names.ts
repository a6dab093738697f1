import {
  CastoreError,
  type Digest,
  type DiskBlobStore,
  type ForeignDigest,
  aliasBlob,
  checkUtf8Names,
  decodeDirectory,
  decodeTreeMessage,
  exportForeignDirectory,
  exportGitDirectory,
  foreignDigestOf,
  formatDigest,
  treeMessageOf,
} from '../../castore/index.ts';
import type { Digest as DigestMessage } from '../../proto/index.ts';
import { foreignStoreOf } from '../action-cache/resolve-blobs.ts';
import { messageOfDigest } from '../digests/digest-message.ts';
import { ReapiError } from '../error.ts';
import type { ResultForm } from './make-result.ts';

/** What blobs and directories of ours are called in the digest function of a result. */
export class ResultNames {
  readonly #store: DiskBlobStore;
  readonly #form: ResultForm;
  readonly #names = new Map<string, ForeignDigest>();

  constructor(store: DiskBlobStore, form: ResultForm) {
    this.#store = store;
    this.#form = form;
  }

  async nameFiles(files: readonly Digest[]): Promise<void> {
    const { digestFunction, signal } = this.#form;
    const known = await this.#store.blobAliases.findForeign(files, digestFunction);
    for (const [at, digest] of files.entries()) {
      const key = formatDigest(digest);
      let name = known[at] ?? this.#names.get(key);
      if (name === undefined) {
        const alias = await aliasBlob(this.#store, digest, digestFunction, { signal });
        if (alias === undefined) throw new CastoreError('blob/missing', `the output ${key} is gone`);
        await this.#store.blobAliases.record([alias]);
        name = alias.foreign;
      }
      this.#names.set(key, name);
    }
  }

  /** Of a file that has a name. */
  messageOf(digest: Digest): DigestMessage {
    const name = this.#names.get(formatDigest(digest));
    if (name === undefined) throw new TypeError('a file has no name');
    return messageOfDigest(name);
  }

  /** As fields of `OutputDirectory`. Throws `action/bad-output`. */
  async nameDirectory(output: string, digest: Digest) {
    const { digestFunction, signal, outputs } = this.#form;
    const foreign = foreignStoreOf(this.#store);
    if (digestFunction === 'gitblob')
      return { treeDigest: messageOfDigest(await exportGitDirectory(digest, foreign, { signal })) };
    try {
      const root = await exportForeignDirectory(digest, digestFunction, foreign, { signal });
      const message = await treeMessageOf(root, foreign, { signal });
      if (digestFunction === 'sha256') checkNames(message);
      const tree = outputs.asTree ? await this.#addTree(message) : undefined;
      return {
        ...(outputs.asDirectory ? { rootDirectoryDigest: messageOfDigest(root) } : {}),
        ...(tree === undefined ? {} : { treeDigest: tree, isTopologicallySorted: true }),
      };
    } catch (cause) {
      if (!(cause instanceof CastoreError) || cause.code !== 'directory/not-utf8') throw cause;
      throw new ReapiError('action/bad-output', `the output '${output}' cannot be given back: ${cause.message}`, {
        cause,
      });
    }
  }

  async #addTree(message: Uint8Array): Promise<DigestMessage> {
    const foreign = foreignDigestOf(message, this.#form.digestFunction);
    await using batch = this.#store.batch();
    const digest = await batch.put(message, { signal: this.#form.signal });
    await batch.commit({ signal: this.#form.signal });
    await this.#store.blobAliases.record([{ foreign, digest }]);
    return messageOfDigest(foreign);
  }
}

/** Our own directories hold names of any bytes. */
function checkNames(tree: Uint8Array): void {
  const { root, children } = decodeTreeMessage(tree);
  for (const message of [root, ...children]) checkUtf8Names(decodeDirectory(message), '');
}
