import { type ByteString, byteStringFromText } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { type InputAttributes, flagAttribute, revisionOf, textAttribute } from '../inputs/input-scheme.ts';
import { type Word, falseWord, trueWord } from '../word.ts';
import { storePathWord } from './files.ts';

/** A tree that was fetched, where it is in the store. */
export interface EmittedTree {
  readonly path: StorePath;
  /** Undefined for a part of a tree. */
  readonly narHash: string | undefined;
  readonly attributes: InputAttributes;
  /** Whether a tree without a revision has one of zeros. */
  readonly hasEmptyRevision?: boolean;
  /** Whether it is not what its revision says: that is left out. */
  readonly isDirty?: boolean;
}

/** What is known of a tree that was fetched, as a set. */
export function treeSet(evaluator: Evaluator, tree: EmittedTree): Word {
  const { path, narHash, attributes, hasEmptyRevision = false } = tree;
  const { core } = evaluator;
  const set: [ByteString, Word][] = [];
  const put = (name: string, word: Word) => set.push([byteStringFromText(name), word]);
  const text = (value: string) => core.string(byteStringFromText(value));
  put('outPath', storePathWord(evaluator, path));
  if (narHash !== undefined) put('narHash', text(narHash));
  if (attributes.get('type') === 'git')
    put('submodules', flagAttribute(attributes, 'submodules') === true ? trueWord : falseWord);
  if (tree.isDirty !== true) {
    const rev = revisionOf(attributes) ?? (hasEmptyRevision ? '0'.repeat(40) : undefined);
    if (rev !== undefined) {
      put('rev', text(rev));
      put('shortRev', text(rev.slice(0, 7)));
    }
    const revCount = attributes.get('revCount');
    if (typeof revCount === 'bigint') put('revCount', core.int(revCount));
    else if (hasEmptyRevision) put('revCount', core.int(0n));
  }
  for (const name of ['dirtyRev', 'dirtyShortRev']) {
    const value = textAttribute(attributes, name);
    if (value !== undefined) put(name, text(value));
  }
  const lastModified = attributes.get('lastModified');
  if (typeof lastModified === 'bigint') {
    put('lastModified', core.int(lastModified));
    const date = new Date(Number(lastModified) * 1000).toISOString();
    put('lastModifiedDate', text(date.replaceAll(/[-:T]|\..*$/g, '')));
  }
  return core.set(set);
}
