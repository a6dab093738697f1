import * as fc from 'fast-check';
import { type ByteString, type TreeSink, byteStringFromLatin1, byteStringOf, bytesOf } from '../base/index.ts';

/** A file tree as one value, to compare and to make up. Entries are in ascending order of their names. */
export type TestTree =
  | { readonly type: 'file'; readonly executable: boolean; readonly contents: ByteString }
  | { readonly type: 'symlink'; readonly target: ByteString }
  | { readonly type: 'directory'; readonly entries: readonly (readonly [name: ByteString, node: TestTree])[] };

/** Tells `sink` the events of `tree`. */
export function playTree(tree: TestTree, sink: TreeSink): void {
  switch (tree.type) {
    case 'file':
      sink.startFile(tree.executable, tree.contents.length);
      if (tree.contents.length > 0) sink.fileData(bytesOf(tree.contents));
      sink.endFile();
      return;
    case 'symlink':
      sink.symlink(tree.target);
      return;
    case 'directory':
      sink.startDirectory();
      for (const [name, node] of tree.entries) {
        sink.entry(name);
        playTree(node, sink);
      }
      sink.endDirectory();
  }
}

/** Writes down tree events, one line each; pieces of a file's contents become one line. */
export class TreeRecorder implements TreeSink {
  readonly events: string[] = [];
  #contents = '';

  startDirectory(): void {
    this.events.push('directory');
  }

  entry(name: ByteString): void {
    this.events.push(`entry ${JSON.stringify(name)}`);
  }

  endDirectory(): void {
    this.events.push('end of directory');
  }

  startFile(executable: boolean, size: number): void {
    this.#contents = '';
    this.events.push(`${executable ? 'executable' : 'file'} of ${size}`);
  }

  fileData(chunk: Uint8Array): void {
    this.#contents += byteStringOf(chunk);
  }

  endFile(): void {
    this.events.push(`contents ${JSON.stringify(this.#contents)}`);
  }

  symlink(target: ByteString): void {
    this.events.push(`symlink ${JSON.stringify(target)}`);
  }
}

function byteStrings(constraints: {
  readonly minLength?: number;
  readonly maxLength: number;
}): fc.Arbitrary<ByteString> {
  return fc.uint8Array(constraints).map(byteStringOf);
}

/** Names that a directory may hold, short and of few letters, so that prefixes of each other and neighbours come up. */
export const fileNames: fc.Arbitrary<ByteString> = fc
  .oneof(
    byteStrings({ minLength: 1, maxLength: 12 }),
    fc
      .string({ unit: fc.constantFrom('a', 'b', 'A', 'B', '.', '-', '~', ' '), minLength: 1, maxLength: 9 })
      .map(byteStringFromLatin1),
  )
  .filter(name => !/^\.{1,2}$|[/\0]/.test(name));

/** Trees of up to four levels with names and targets of any bytes. */
export const testTrees: fc.Arbitrary<TestTree> = fc.letrec<{ node: TestTree; leaf: TestTree }>(tie => ({
  leaf: fc.oneof(
    fc
      .tuple(fc.boolean(), byteStrings({ maxLength: 40 }))
      .map(([executable, contents]) => ({ type: 'file' as const, executable, contents })),
    byteStrings({ minLength: 1, maxLength: 20 })
      .filter(target => !target.includes('\0'))
      .map(target => ({ type: 'symlink' as const, target })),
  ),
  node: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc
      .uniqueArray(fc.tuple(fileNames, tie('node')), { maxLength: 5, selector: ([name]) => name })
      .map(entries => ({ type: 'directory' as const, entries: entries.toSorted(([a], [b]) => (a < b ? -1 : 1)) })),
  ),
})).node;

/** Says the tree's names and targets in ASCII. */
export function inAscii(tree: TestTree): TestTree {
  const ascii = (value: string) =>
    byteStringFromLatin1(Array.from(value, char => char.charCodeAt(0).toString(16).padStart(2, '0')).join(''));
  if (tree.type === 'file') return tree;
  if (tree.type === 'symlink') return { type: 'symlink', target: ascii(tree.target) };
  return { type: 'directory', entries: tree.entries.map(([name, node]) => [ascii(name), inAscii(node)] as const) };
}
