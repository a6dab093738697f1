import { type Activity, type Reporter, type TreeSink, displayBytes } from '../../base/index.ts';
import { type PathInfo, type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { PathOffer, Store } from '../store.ts';
import { describeCopy } from './describe-copy.ts';

export interface OfferOptions {
  /** What `to` is to know of the path. */
  readonly info: PathInfo;
  /** What the path is called in `from`, if not as in `to`. */
  readonly source?: StorePath;
  readonly isTrusted: boolean;
  /** Gets an activity for every time that the path is sent. */
  readonly reporter: Reporter;
}

/** Offers `to` what `from` has. The path is read, and the copy reported, when the offer is taken. */
export function offerPath(from: Store, to: Store, options: OfferOptions): PathOffer {
  const { info, source = info.path, isTrusted, reporter } = options;
  return {
    info,
    from: from.uri,
    isTrusted,
    checksNar: from.checksNars === true,
    source: async (sink, drain, signal) => {
      const path = displayBytes(printStorePath(from.storeDir, source));
      using copying = reporter.startActivity({
        type: 'copyPath',
        level: 'info',
        text: () => describeCopy(path, from.uri, to.uri),
        fields: [path, from.uri, to.uri],
      });
      const receiver = countContents(sink, copying, info.narSize);
      await from.streamPath(source, receiver, { drain, signal, expected: info });
      copying.progress(info.narSize, info.narSize);
    },
  };
}

/** Tells `copying` of the bytes of files that pass, as if these were all that the NAR has. */
function countContents(sink: TreeSink, copying: Activity, expected: number): TreeSink {
  let done = 0;
  return {
    startDirectory: () => sink.startDirectory(),
    entry: name => sink.entry(name),
    endDirectory: () => sink.endDirectory(),
    startFile: (executable, size) => sink.startFile(executable, size),
    fileData: chunk => {
      sink.fileData(chunk);
      copying.progress((done += chunk.byteLength), expected);
    },
    endFile: () => sink.endFile(),
    symlink: target => sink.symlink(target),
  };
}
