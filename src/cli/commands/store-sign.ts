import { type ByteString, bytesOf } from '../../base/index.ts';
import { SecretKey, compareSignatures, fingerprintPathInfo } from '../../nix-compat/index.ts';
import { invalidPath, requireFacet } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { readChunks, withOpenFile } from '../read-input.ts';

/** Bytes of the largest file that is read as a key. */
const maxKeySize = 64 * 1024;

/** `nix store sign` */
export function storeSign(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  let keyFile: ByteString | undefined;
  return {
    summary: 'Signs store paths with a secret key.',
    flags: [
      ...wanted.flags,
      {
        long: 'key-file',
        short: 'k',
        labels: ['file'],
        summary: 'The file of the secret key.',
        required: true,
        apply: file => (keyFile = file),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      if (keyFile === undefined) throw new CliError('usage/missing-flag', "required argument '--key-file' is missing");
      await using store = await openCommandStore(context);
      const paths = await wanted.resolve(store);
      const key = await readSecretKey(keyFile);
      const { signal } = context;
      const writer = requireFacet(store, 'writer', 'addSignatures');
      let added = 0;
      for (const { path, info } of paths) {
        if (info === undefined) throw invalidPath(store.storeDir, path);
        const signature = key.sign(bytesOf(fingerprintPathInfo(store.storeDir, info)));
        if (info.signatures.some(known => compareSignatures(known, signature) === 0)) continue;
        await writer.addSignatures(path, [signature], { signal });
        added++;
      }
      context.log.log('info', `added ${added} signatures`);
    },
  };
}

function readSecretKey(file: ByteString): Promise<SecretKey> {
  return withOpenFile('opening file', file, fd => {
    let text = '';
    for (const chunk of readChunks(fd)) {
      text += chunk.toString('utf8');
      if (text.length > maxKeySize) throw new CliError('input/too-large', `'${file}' is too large for a key`);
    }
    return SecretKey.parse(text.trimEnd());
  });
}
