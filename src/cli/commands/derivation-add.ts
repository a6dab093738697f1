import { byteStringOf } from '../../base/index.ts';
import {
  DerivationHasher,
  derivationFromJson,
  fillOutputPaths,
  makeDerivationFile,
  parseJson,
  printStorePath,
} from '../../nix-compat/index.ts';
import { addDerivation, readInputDerivations } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { readStandardInput } from '../read-input.ts';

/** Longest JSON of a derivation. */
const maxInput = 256 * 1024 * 1024;

/** `nix derivation add` */
export function derivationAdd(context: CommandContext): Command {
  let dryRun = false;
  return {
    summary: 'Adds the derivation whose JSON is on standard input to the store.',
    flags: [{ long: 'dry-run', labels: [], summary: 'Only say what its path would be.', apply: () => (dryRun = true) }],
    positionals: [],
    run: async () => {
      await using store = await openCommandStore(context);
      const json = parseJson(byteStringOf(readStandardInput(maxInput)));
      const given = derivationFromJson(json);
      for (const { kind } of given.outputs.values()) {
        if (kind === 'floating') context.settings.require('ca-derivations');
        if (kind === 'impure') context.settings.require('impure-derivations');
      }
      const inputs = await readInputDerivations(store, given);
      const hasher = new DerivationHasher(store.storeDir, path => inputs.get(path));
      const derivation = fillOutputPaths(given, hasher);
      const file = makeDerivationFile(store.storeDir, derivation);
      if (!dryRun) await addDerivation(store, file, { signal: context.signal });
      context.out.byteLine(printStorePath(store.storeDir, file.path));
    },
  };
}
