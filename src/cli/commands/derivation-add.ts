import { byteStringOf, bytesOf } from '../../base/index.ts';
import {
  DerivationHasher,
  derivationFromJson,
  fillOutputPaths,
  makeDerivationFile,
  parseJson,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type TreeSource, addTree, readInputDerivations } from '../../store/index.ts';
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
      const inputs = await readInputDerivations(store, given);
      const hasher = new DerivationHasher(store.storeDir, path => inputs.get(path));
      const derivation = fillOutputPaths(given, hasher);
      const { path, text, references } = makeDerivationFile(store.storeDir, derivation);
      if (!dryRun) {
        const options = { method: 'text', references: { others: [...references], self: false } } as const;
        await addTree(store, plainFile(bytesOf(text)), {
          name: `${derivation.name}.drv`,
          ...options,
          signal: context.signal,
        });
      }
      context.out.byteLine(printStorePath(store.storeDir, path));
    },
  };
}

function plainFile(bytes: Uint8Array): TreeSource {
  return async (sink, drain) => {
    sink.startFile(false, bytes.byteLength);
    sink.fileData(bytes);
    sink.endFile();
    await drain();
  };
}
