import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandContext } from '../command.ts';

/** A folder of our own for the files of a shell. */
export function makeShellFolder({ environment }: CommandContext, name: string): string {
  return mkdtempSync(join(environment.temporaryDir, `${name}-${process.pid}-`));
}
