import { statSync } from 'node:fs';
import { type ByteString, displayBytes, errnoOf, systemErrorText } from '../../base/index.ts';
import { TreeRestorer } from '../../castore/index.ts';
import { applyCaseHack } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { fsPathOf, quotePath } from '../paths.ts';
import { stdin } from '../read-input.ts';
import { type Operands, onlyArgument } from './nix-store.ts';
import { readNarFrom } from './read-nar-file.ts';

/** `nix-store --restore` */
export function storeRestore(operands: Operands, { settings }: CommandContext): void {
  const path = onlyArgument(operands);
  using restorer = new TreeRestorer(fsPathOf(path));
  try {
    readNarFrom(stdin, settings.get('use-case-hack') ? applyCaseHack(restorer) : restorer);
  } catch (error) {
    throw explainRefusal(error, path) ?? error;
  }
}

/** In C++ Nix's words, which tell apart the root and what is below it. */
function explainRefusal(cause: unknown, root: ByteString): CliError | undefined {
  if (errnoOf(cause) === undefined || !(cause instanceof Error) || !('syscall' in cause)) return undefined;
  const why = systemErrorText(cause);
  const refusal = (message: string) => new CliError('restore/refused', message, { cause });
  const failed = 'path' in cause ? String(cause.path) : displayBytes(root);
  const isRoot = failed === displayBytes(root);
  switch (cause.syscall) {
    case 'mkdir':
      if (!isRoot) return refusal(`creating directory "${failed}": ${why}`);
      return errnoOf(cause) === 'EEXIST' && isDirectory(root)
        ? refusal(`path '${failed}' already exists`)
        : refusal(`filesystem error: cannot create directory: ${why} [${failed}]`);
    case 'open':
      return refusal(`creating file "${failed}": ${why}`);
    case 'symlink': {
      const link = 'dest' in cause ? String(cause.dest) : failed;
      return link === displayBytes(root)
        ? refusal(`creating symlink ${quotePath(root)} -> "${failed}": ${why}`)
        : refusal(`creating symlink from "${link}" -> '${failed}': ${why}`);
    }
    default:
      return undefined;
  }
}

function isDirectory(path: ByteString): boolean {
  return statSync(fsPathOf(path), { throwIfNoEntry: false })?.isDirectory() === true;
}
