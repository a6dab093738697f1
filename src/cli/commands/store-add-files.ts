import { displayBytes } from '../../base/index.ts';
import {
  makeFixedOutputPath,
  noReferences,
  parseHash,
  parseHashAlgorithm,
  printStorePath,
} from '../../nix-compat/index.ts';
import { addTree } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { sourceTree } from '../source-tree.ts';
import { takeAlgorithm } from './hash-flags.ts';
import { type Operands, refuseFlags, takeFlags } from './nix-store.ts';

/** `nix-store --add` */
export async function storeAdd(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands);
  await using store = await openCommandStore(context);
  for (const typed of operands.args) {
    const { name, source } = sourceTree(typed);
    const { path } = await addTree(store, source, { name, signal: context.signal });
    context.out.byteLine(printStorePath(store.storeDir, path));
  }
}

/** `nix-store --add-fixed` */
export async function storeAddFixed(operands: Operands, context: CommandContext): Promise<void> {
  const method = takeFlags(operands, ['--recursive']).has('--recursive') ? 'nar' : 'flat';
  const [algorithmName, ...files] = operands.args;
  if (algorithmName === undefined) {
    throw new CliError('usage/missing-argument', 'first argument must be hash algorithm');
  }
  const algorithm = takeAlgorithm(algorithmName, context);
  await using store = await openCommandStore(context);
  for (const typed of files) {
    const { name, source } = sourceTree(typed);
    const { path } = await addTree(store, source, { name, method, algorithm, signal: context.signal });
    context.out.byteLine(printStorePath(store.storeDir, path));
  }
}

/** `nix-store --print-fixed-path` */
export async function storePrintFixedPath(operands: Operands, context: CommandContext): Promise<void> {
  const method = takeFlags(operands, ['--recursive']).has('--recursive') ? 'nar' : 'flat';
  const [algorithmName, hashText, name, ...others] = operands.args.map(displayBytes);
  if (algorithmName === undefined || hashText === undefined || name === undefined || others.length > 0) {
    throw new CliError('usage/unexpected-argument', "'--print-fixed-path' requires three arguments");
  }
  const hash = parseHash(hashText, parseHashAlgorithm(algorithmName));
  await using store = await openCommandStore(context);
  const path = makeFixedOutputPath(store.storeDir, name, { method, hash, references: noReferences });
  context.out.byteLine(printStorePath(store.storeDir, path));
}
