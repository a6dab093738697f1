import { type ByteString, type TreeSink, brandAs, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';

/**
 * What a file system that ignores case cannot hold under its name is stored with this and a number appended
 * (Nix's setting `use-case-hack`).
 */
export const caseHackSuffix = '~nix~case~hack~';

/**
 * Passes a tree on to `sink` with a suffix added to each name that equals, but for ASCII case, an earlier one of its
 * directory. Renamed entries keep their place, so the names that `sink` gets need not ascend. Throws
 * `nar/case-collision` if a name is also the one that the hack gave to another.
 */
export function applyCaseHack(sink: TreeSink): TreeSink {
  const directories: TakenNames[] = [];
  return {
    startDirectory() {
      directories.push(new Map());
      sink.startDirectory();
    },
    entry(name) {
      const taken = directories.at(-1);
      sink.entry(taken === undefined ? name : hackedName(name, taken));
    },
    endDirectory() {
      directories.pop();
      sink.endDirectory();
    },
    startFile: (executable, size) => sink.startFile(executable, size),
    fileData: chunk => sink.fileData(chunk),
    endFile: () => sink.endFile(),
    symlink: target => sink.symlink(target),
  };
}

/** The names given out in a directory by their lower case. */
type TakenNames = Map<string, TakenName>;

interface TakenName {
  readonly name: ByteString;
  readonly hacked: boolean;
  /** How many names that differ from it only in case were renamed. */
  renamed: number;
}

function hackedName(name: ByteString, taken: TakenNames): ByteString {
  const first = taken.get(lowerCase(name));
  if (first === undefined) return take(name, false, taken);
  if (first.hacked) throw collision(name, first.name);
  first.renamed++;
  const hacked = brandAs<ByteString>(`${name}${caseHackSuffix}${first.renamed}`);
  const other = taken.get(lowerCase(hacked));
  if (other !== undefined) throw collision(name, other.name);
  return take(hacked, true, taken);
}

function take(name: ByteString, hacked: boolean, taken: TakenNames): ByteString {
  taken.set(lowerCase(name), { name, hacked, renamed: 0 });
  return name;
}

function collision(name: ByteString, other: ByteString): NixCompatError {
  return new NixCompatError(
    'nar/case-collision',
    `bad archive: NAR contains file name '${displayBytes(name)}' that collides with case-hacked file name '${displayBytes(other)}'`,
  );
}

function lowerCase(name: ByteString): string {
  return name.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase());
}

/** A file's name on disk and the name it has in the NAR. */
export interface UnhackedName {
  readonly name: ByteString;
  readonly onDisk: ByteString;
}

/**
 * The names of one directory as a NAR lists them: suffixes removed, ascending. Throws `nar/case-hack-collision` if
 * two become equal; `directory` is for its message.
 */
export function removeCaseHack(onDisk: Iterable<ByteString>, directory: string): UnhackedName[] {
  const byName = new Map<ByteString, ByteString>();
  for (const file of onDisk) {
    const suffix = file.indexOf(caseHackSuffix);
    const name = suffix === -1 ? file : brandAs<ByteString>(file.slice(0, suffix));
    const other = byName.get(name);
    if (other !== undefined)
      throw new NixCompatError(
        'nar/case-hack-collision',
        `file name collision between '${directory}/${displayBytes(other)}' and '${directory}/${displayBytes(file)}'`,
      );
    byName.set(name, file);
  }
  return Array.from(byName, ([name, file]) => ({ name, onDisk: file })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
