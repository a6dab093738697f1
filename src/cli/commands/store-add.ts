import { byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type ContentAddressMethod,
  type HashAlgorithm,
  contentAddressMethods,
  printStorePath,
} from '../../nix-compat/index.ts';
import { WorkerStore, addTree, describeTree, unsupportedOperation } from '../../store/index.ts';
import { type Flag, nameFlag, switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { sourceTree } from '../source-tree.ts';
import { algorithmFlag } from './hash-flags.ts';

/** `nix store add` and `nix store add-path` */
export function storeAddPath(context: CommandContext): Command {
  return addCommand(context, 'nar');
}

/** `nix store add-file` */
export function storeAddFile(context: CommandContext): Command {
  return addCommand(context, 'flat');
}

function addCommand(context: CommandContext, usual: ContentAddressMethod): Command {
  let typed = byteStringFromText('');
  let givenName: string | undefined;
  let method = usual;
  let algorithm: HashAlgorithm = 'sha256';
  let dryRun = false;
  let scan = false;
  return {
    summary: 'Adds a file or directory to the store.',
    flags: [
      nameFlag('file', name => (givenName = name)),
      methodFlag(chosen => (method = chosen)),
      algorithmFlag('hash-algo', context, chosen => (algorithm = chosen)),
      switchFlag('scan', 'Have it refer to what is found in it: for builders alone.', () => (scan = true)),
      { long: 'dry-run', labels: [], summary: 'Only say what the path would be.', apply: () => (dryRun = true) },
    ],
    positionals: [{ label: 'path', arity: 1, apply: path => (typed = path) }],
    run: async () => {
      const { settings, signal, out } = context;
      if (method === 'git') settings.require('git-hashing');
      await using store = await openCommandStore(context);
      const { name, source } = sourceTree(typed);
      const options = { name: givenName ?? name, method, algorithm, signal };
      if (scan && !dryRun) {
        if (!(store instanceof WorkerStore)) throw unsupportedOperation(store.uri, 'addToStoreScanning');
        const added = await store.addContents(source, { ...options, scan });
        out.byteLine(printStorePath(store.storeDir, added.path));
        return;
      }
      const { path } = dryRun
        ? await describeTree(store.storeDir, source, options)
        : await addTree(store, source, options);
      out.byteLine(printStorePath(store.storeDir, path));
    },
  };
}

function methodFlag(use: (method: ContentAddressMethod) => void): Flag {
  return {
    long: 'mode',
    labels: ['content-address-method'],
    summary: 'nar, flat (a single file), text or git.',
    apply: text => {
      const method = contentAddressMethods.find(known => known === displayBytes(text));
      if (method === undefined) {
        const message = `Unknown file ingestion method '${displayBytes(text)}', expect \`flat\`, \`nar\`, or \`git\``;
        throw new CliError('usage/bad-value', message);
      }
      use(method);
    },
  };
}
