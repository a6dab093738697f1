import { byteStringFromText } from '../../base/index.ts';
import { opaquePath, parseStorePathIn } from '../../nix-compat/index.ts';
import { WorkerStore, unsupportedOperation } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix store submit-output`, as C++ Nix from 2.35 on has it */
export function storeSubmitOutput(context: CommandContext): Command {
  let typed = byteStringFromText('');
  let output = byteStringFromText('');
  return {
    summary: 'Names a store path as an output of the derivation whose builder this is part of.',
    flags: [],
    positionals: [
      { label: 'path', arity: 1, apply: path => (typed = path) },
      { label: 'output', arity: 1, apply: name => (output = name) },
    ],
    run: async () => {
      context.settings.require('dynamic-derivations');
      await using store = await openCommandStore(context);
      const path = parseStorePathIn(store.storeDir, typed);
      if (!(store instanceof WorkerStore)) {
        throw unsupportedOperation(store.uri, 'Submit outputs for a currently running derivation');
      }
      await store.submit(opaquePath(path), output, context);
    },
  };
}
