import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { type ByteString, type Reporter, brandAs, displayBytes } from '../../base/index.ts';
import { type EvalIO, evalError } from '../../eval/index.ts';
import { fsPathOf } from '../paths.ts';

export interface CopiedTemplate {
  readonly changed: readonly string[];
  /** Files that are there already, with other contents. */
  readonly conflicts: number;
}

/** Copies what an evaluation sees at `from` to a folder, but for what is there already. Throws the system's errors. */
export function copyTemplate(io: EvalIO, log: Reporter, from: ByteString, to: ByteString): CopiedTemplate {
  const changed: string[] = [];
  let conflicts = 0;
  const copyFolder = (source: ByteString, target: ByteString): void => {
    mkdirSync(fsPathOf(target), { recursive: true });
    for (const name of [...io.readDirectory(source).keys()].toSorted()) {
      copyEntry(brandAs<ByteString>(`${source}/${name}`), brandAs<ByteString>(`${target}/${name}`));
    }
  };
  const copyEntry = (source: ByteString, target: ByteString): void => {
    const type = io.stat(source)?.type;
    const place = fsPathOf(target);
    const isThere = lstatSync(place, { throwIfNoEntry: false }) !== undefined;
    if (type === 'directory') copyFolder(source, target);
    else if (type === 'regular' || type === 'symlink') {
      const isFile = type === 'regular';
      if (isThere) {
        const isSame = isFile ? sameFile(io, source, target) : readlinkSync(place, 'latin1') === io.readLink(source);
        if (isSame) log.log('notice', `skipping identical file: ${displayBytes(source)}`);
        else {
          const advice = `please merge it manually with '${displayBytes(source)}'`;
          log.log('error', `refusing to overwrite existing file "${displayBytes(target)}"\n ${advice}`);
          conflicts++;
        }
        return;
      }
      if (isFile) writeFileSync(place, io.readFile(source));
      else symlinkSync(Buffer.from(io.readLink(source), 'latin1'), place);
    } else {
      const [shown, what] = [displayBytes(source), type ?? 'missing'];
      throw evalError`path '${shown}' needs to be a symlink, file, or directory but instead is a ${what}`;
    }
    changed.push(displayBytes(target));
    log.log('notice', `wrote: "${displayBytes(target)}"`);
  };
  copyFolder(from, to);
  return { changed, conflicts };
}

function sameFile(io: EvalIO, source: ByteString, target: ByteString): boolean {
  const place = fsPathOf(target);
  return existsSync(place) && readFileSync(place).equals(io.readFile(source));
}
