import type { TreeSink } from '../base/index.ts';

/** Passes events on to `sink`, contents in pieces of at most `size` bytes, which are lent in earnest: overwritten after the call. */
export function chopContents(sink: TreeSink, size: number): TreeSink {
  const memory = new Uint8Array(size);
  return {
    startDirectory: () => sink.startDirectory(),
    entry: name => sink.entry(name),
    endDirectory: () => sink.endDirectory(),
    startFile: (executable, length) => sink.startFile(executable, length),
    fileData: chunk => {
      for (let at = 0; at < chunk.byteLength; at += size) {
        const piece = chunk.subarray(at, at + size);
        memory.set(piece);
        sink.fileData(memory.subarray(0, piece.byteLength));
        memory.fill(0xff);
      }
    },
    endFile: () => sink.endFile(),
    symlink: target => sink.symlink(target),
  };
}
