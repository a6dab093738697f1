import { type ByteString, type TreeSink, byteStringFromText, displayBytes } from '../../base/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { pathFromRoot } from '../paths.ts';
import { withOpenFile } from '../read-input.ts';
import { readNarFrom } from './read-nar-file.ts';

/** `nix nar cat` */
export function narCat(context: CommandContext): Command {
  let nar = byteStringFromText('');
  let path = byteStringFromText('');
  return {
    summary: 'Prints the contents of a file in a NAR.',
    flags: [],
    positionals: [
      { label: 'nar', arity: 1, complete: completePath, apply: given => (nar = given) },
      { label: 'path', arity: 1, apply: given => (path = given) },
    ],
    run: async () => {
      const wanted = pathFromRoot(path);
      const picker = new FilePicker(wanted, chunk => context.out.write(chunk));
      // The NAR is read to its end, so that a broken one is not taken for good.
      await withOpenFile('opening NAR file', nar, fd => readNarFrom(fd, picker));
      if (picker.found) return;
      throw new CliError('nar/not-a-file', `NAR does not contain regular file '${displayBytes(path)}'`);
    },
  };
}

/** Passes on the contents of the file at one path of a tree. */
class FilePicker implements TreeSink {
  found = false;
  readonly #wanted: ByteString;
  readonly #write: (chunk: Uint8Array) => void;
  /** Names from the root to the node that is next. */
  readonly #names: string[] = [];
  #depth = 0;
  #picking = false;

  constructor(wanted: ByteString, write: (chunk: Uint8Array) => void) {
    this.#wanted = wanted;
    this.#write = write;
  }

  startDirectory(): void {
    this.#depth++;
  }

  entry(name: ByteString): void {
    this.#names.length = this.#depth - 1;
    this.#names.push(name);
  }

  endDirectory(): void {
    this.#depth--;
    this.#names.length = this.#depth;
  }

  startFile(): void {
    this.#picking = `/${this.#names.join('/')}` === this.#wanted;
    this.found ||= this.#picking;
  }

  fileData(chunk: Uint8Array): void {
    if (this.#picking) this.#write(chunk);
  }

  endFile(): void {
    this.#picking = false;
  }

  symlink(): void {}
}
