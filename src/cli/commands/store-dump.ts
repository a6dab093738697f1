import type { CommandContext } from '../command.ts';
import { dumpablePath, writeNarOfPath } from './nar-of-path.ts';
import { type Operands, onlyArgument } from './nix-store.ts';

/** `nix-store --dump` */
export function storeDump(operands: Operands, { out, settings }: CommandContext): void {
  writeNarOfPath(dumpablePath(onlyArgument(operands)), settings, chunk => out.write(chunk));
}
