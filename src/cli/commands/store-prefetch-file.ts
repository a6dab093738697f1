import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type HashAlgorithm,
  type NixHash,
  formatHash,
  formatJson,
  jsonObject,
  parseHash,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { prefetchFile } from '../prefetch-file.ts';
import { algorithmFlag } from './hash-flags.ts';
import { jsonFlags } from './json-flags.ts';

interface PrefetchOptions {
  name: string | undefined;
  algorithm: HashAlgorithm;
  expected: NixHash | undefined;
  executable: boolean;
  unpack: boolean;
}

/** `nix store prefetch-file` */
export function storePrefetchFile(context: CommandContext): Command {
  const options: PrefetchOptions = {
    name: undefined,
    algorithm: 'sha256',
    expected: undefined,
    executable: false,
    unpack: false,
  };
  let url = byteStringFromText('');
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Downloads a file into the store.',
    flags: [
      {
        long: 'name',
        labels: ['name'],
        summary: 'What the store path is called, if not like the file.',
        apply: name => (options.name = displayBytes(name)),
      },
      {
        long: 'expected-hash',
        labels: ['hash'],
        summary: 'The hash that the file has to have.',
        apply: text => (options.expected = parseHash(displayBytes(text), options.algorithm)),
      },
      algorithmFlag('hash-type', context, algorithm => (options.algorithm = algorithm)),
      {
        long: 'executable',
        labels: [],
        summary: 'Make the file executable.',
        apply: () => (options.executable = true),
      },
      {
        long: 'unpack',
        labels: [],
        summary: 'Take the archive that the file is for a tree.',
        apply: () => (options.unpack = true),
      },
      { long: 'json', labels: [], summary: 'Print JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: [{ label: 'url', arity: 1, apply: given => (url = given) }],
    run: async () => {
      await using store = await openCommandStore(context);
      const { path, hash } = await prefetchFile(store, displayBytes(url), { ...options, context });
      const [storePath, sri] = [printStorePath(store.storeDir, path), formatHash(hash, 'sri')];
      if (json) {
        const result = jsonObject({ storePath, hash: byteStringFromText(sri) });
        context.out.byteLine(brandAs<ByteString>(formatJson(result, pretty ? 2 : undefined)));
        return;
      }
      const message = `Downloaded '${displayBytes(url)}' to '${displayBytes(storePath)}' (hash '${sri}').`;
      context.log.log('notice', message);
    },
  };
}
