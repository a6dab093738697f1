import { type ByteString, brandAs } from '../../base/index.ts';
import { parseStorePathIn } from '../../nix-compat/index.ts';
import { readDerivation } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { quoteForShell } from '../shell/quote-for-shell.ts';
import { type Operands, refuseFlags } from './nix-store.ts';

/** `nix-store --print-env` */
export async function storePrintEnv(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands);
  const [typed, ...others] = operands.args;
  if (typed === undefined || others.length > 0) {
    throw new CliError('usage/unexpected-argument', "'--print-env' requires one derivation store path");
  }
  await using store = await openCommandStore(context);
  const derivation = await readDerivation(store, parseStorePathIn(store.storeDir, typed));
  const { out } = context;
  // The blank line is C++ Nix's.
  for (const [name, value] of derivation.env) out.byteLine(line(`export ${name}; ${name}=${quoteForShell(value)}\n`));
  out.byteLine(line(`export _args; _args=${quoteForShell(derivation.args.join(' '))}`));
}

function line(text: string): ByteString {
  return brandAs<ByteString>(text);
}
