import type { ByteString } from '../base/index.ts';
import { bytesOf } from '../base/index.ts';
import type { CallOptions } from '../castore/index.ts';
import type { DerivationFile, PathInfo, StorePath } from '../nix-compat/index.ts';
import { addTree } from './add-tree.ts';
import type { Store } from './store.ts';

/** A file to add under the store path that its text and references give it. */
export interface TextFile {
  readonly name: string;
  readonly text: ByteString;
  readonly references?: Iterable<StorePath>;
}

/** Adds a text to any store. Throws as `addTree`. */
export function addText(
  store: Store,
  { name, text, references = [] }: TextFile,
  options: CallOptions = {},
): Promise<PathInfo> {
  const bytes = bytesOf(text);
  return addTree(
    store,
    async (sink, drain) => {
      sink.startFile(false, bytes.byteLength);
      if (bytes.byteLength > 0) sink.fileData(bytes);
      sink.endFile();
      await drain();
    },
    { ...options, name, method: 'text', references: { others: [...references], self: false } },
  );
}

/** Adds a derivation to any store. Throws as `addTree`. */
export function addDerivation(store: Store, file: DerivationFile, options?: CallOptions): Promise<PathInfo> {
  const name = file.path.slice(file.path.indexOf('-') + 1);
  return addText(store, { name, text: file.text, references: file.references }, options);
}
