import { lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, wasProcessAlready } from '../../base/index.ts';
import { removeTree } from '../../castore/index.ts';
import type { CommandContext } from '../command.ts';

/** Of a shell's folder: what it is for, and the process that made it. */
const folderName = /^nix-(?:shell|develop|dev-env)-([0-9]+)-[A-Za-z0-9]{6}$/;

/**
 * A folder of our own for the files of a shell, which the shell removes when it ends. A script's interpreter takes the
 * shell's place and does not: those of processes that are gone are removed here.
 */
export function makeShellFolder({ environment }: CommandContext, name: string): string {
  removeAbandoned(environment.temporaryDir);
  return mkdtempSync(join(environment.temporaryDir, `${name}-${process.pid}-`));
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = folderName.exec(name)?.[1];
    if (pid === undefined) continue;
    const path = join(parent, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true || stats.uid !== process.geteuid?.()) continue;
    if (wasProcessAlready(Number(pid), stats.ctimeMs)) continue;
    try {
      removeTree(path);
    } catch (error) {
      // Somebody else's of us who looks at it, too.
      if (errnoOf(error) === undefined) throw error;
    }
  }
}
