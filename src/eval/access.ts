import { type ByteString, brandAs, displayBytes } from '../base/index.ts';
import { mark } from './error-log.ts';
import { EvalError } from './eval-error.ts';
import type { EvalIO, FileInfo, FileType, PathToAdd } from './eval-io.ts';

/** How an evaluation is kept from what is outside of it. */
export type Purity = 'pure' | 'restricted';

/** Which files an evaluation may look at that is pure or restricted: those below what it was given or made itself. */
export class AccessList {
  readonly purity: Purity;
  /** With the folders above each of them, which may be looked at, too. */
  readonly #above = new Set<string>();
  readonly #allowed = new Set<string>();

  constructor(purity: Purity) {
    this.purity = purity;
  }

  /** Allows a path and all below it. */
  allow(path: ByteString): void {
    this.#allowed.add(path);
    for (const folder of foldersOf(path)) this.#above.add(folder);
  }

  isAllowed(path: ByteString): boolean {
    if (this.#allowed.has(path) || this.#above.has(path)) return true;
    for (const folder of foldersOf(path)) if (this.#allowed.has(folder)) return true;
    return false;
  }

  /** Throws `eval/restricted-path`. */
  check(path: ByteString): void {
    if (this.isAllowed(path)) return;
    const where =
      this.purity === 'pure' ? "in pure evaluation mode (use '--impure' to override)" : 'in restricted mode';
    const message = `access to absolute path '${mark(displayBytes(path))}' is forbidden ${mark(where)}`;
    throw new EvalError('eval/restricted-path', message);
  }
}

/** The folders that an absolute path is in. */
function* foldersOf(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    const folder = path.slice(0, end) || '/';
    if (folder !== path) yield folder;
  }
}

/** The world, as far as an access list lets an evaluation see it. */
export function restrictIO(io: EvalIO, access: AccessList): EvalIO {
  return {
    storeDir: io.storeDir,
    workingFolder: io.workingFolder,
    stat: (path): FileInfo | undefined => (access.isAllowed(path) ? io.stat(path) : undefined),
    readFile: path => {
      access.check(path);
      return io.readFile(path);
    },
    readDirectory: path => {
      access.check(path);
      const entries = io.readDirectory(path);
      const below = path === '/' ? '' : path;
      return new Map<ByteString, FileType | undefined>(
        // A name is allowed with all that is above it.
        [...entries].filter(([name]) => access.isAllowed(brandAs<ByteString>(`${below}/${name}`))),
      );
    },
    readLink: path => {
      access.check(path);
      return io.readLink(path);
    },
    addPath: (addition: PathToAdd) => {
      access.check(addition.path);
      return io.addPath(addition);
    },
    addTree: (tree, name) => io.addTree(tree, name),
    addText: (name, contents, references) => io.addText(name, contents, references),
    addDerivation: file => io.addDerivation(file),
    locate: need => io.locate(need),
    environment: () => undefined,
    now: () => io.now(),
    say: message => io.say(message),
  };
}
