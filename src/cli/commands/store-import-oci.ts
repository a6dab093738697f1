import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { type SpecialEntry, removeTree, streamTree } from '../../castore/index.ts';
import { checkStorePathName, printStorePath } from '../../nix-compat/index.ts';
import { type Platform, addTree, parsePlatform, unpackImage } from '../../store/index.ts';
import { nameFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { fsPathOf } from '../paths.ts';

/** Of what is left out, so many are named. */
const namedSpecials = 5;

/** `firn store import-oci`: the root file system of a container image, as a store path (`nix-rootfs` of actions). */
export function storeImportOci(context: CommandContext): Command {
  let file = byteStringFromText('');
  let givenName: string | undefined;
  let platform: Platform | undefined;
  return {
    summary: 'Adds the root file system of a container image to the store.',
    isStable: true,
    flags: [
      nameFlag('file', name => (givenName = name)),
      {
        long: 'platform',
        labels: ['platform'],
        summary: 'Which of several images is meant, if not that for this machine: linux/arm64.',
        apply: text => (platform = parsePlatform(displayBytes(text))),
      },
    ],
    positionals: [{ label: 'file', arity: 1, apply: path => (file = path) }],
    run: async () => {
      const { signal, out, log, environment } = context;
      const name = givenName ?? nameOf(displayBytes(file));
      checkStorePathName(name);
      await using store = await openCommandStore(context);
      const folder = mkdtempSync(join(environment.temporaryDir, 'firn-image-'));
      try {
        const specials: SpecialEntry[] = [];
        await using image = await unpackImage(fsPathOf(file), join(folder, 'blobs'), {
          platform,
          signal,
          onSpecial: special => specials.push(special),
        });
        if (specials.length > 0) log.warn(leftOut(specials));
        const { blobs, root } = image;
        const info = await addTree(
          store,
          (sink, drain) => streamTree(blobs, root, sink, { drain, signal, reader: blobs }),
          {
            name,
            signal,
          },
        );
        out.byteLine(printStorePath(store.storeDir, info.path));
      } finally {
        removeTree(folder);
      }
    },
  };
}

/** `images/debian-12.tar` is `debian-12`. */
function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.tar$/, '');
}

function leftOut(specials: readonly SpecialEntry[]): string {
  const named = specials.slice(0, namedSpecials).map(({ path, kind }) => `'${displayBytes(path)}' (${kind})`);
  const more = specials.length > namedSpecials ? ` and ${specials.length - namedSpecials} more` : '';
  return `left out of the image what no store path can hold: ${named.join(', ')}${more}`;
}
