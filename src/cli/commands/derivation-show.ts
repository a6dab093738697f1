import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ByteString, brandAs, bytesOf, displayBytes, errnoOf, systemErrorText } from '../../base/index.ts';
import {
  type Derivation,
  type StorePath,
  derivationNameOf,
  derivationsToJson,
  formatJson,
  defaultMaxDerivationSize,
  parseDerivation,
  parseStoreDir,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { readDerivation } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { absolutePath, fsPathOf } from '../paths.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix derivation show`, of derivations in the store, or in a folder that holds copies of them. */
export function derivationShow(context: CommandContext): Command {
  const { out, environment } = context;
  let recursive = false;
  let pretty = out.isTerminal;
  let installables: readonly ByteString[] = [];
  return {
    summary: 'Prints derivations (.drv files) as JSON.',
    flags: [
      {
        long: 'recursive',
        short: 'r',
        labels: [],
        summary: 'Print the derivations that they depend on, too.',
        apply: () => (recursive = true),
      },
      ...jsonFlags(wanted => (pretty = wanted)),
    ],
    positionals: [
      { label: 'installables', arity: 'any', complete: completePath, apply: (...given) => (installables = given) },
    ],
    run: async () => {
      if (installables.length === 0) {
        throw new CliError('usage/missing-argument', "'nix derivation show' needs the path of a .drv file");
      }
      const storeDir = parseStoreDir(environment.storeDir);
      const shown = new Map<StorePath, Derivation>();
      const queue = installables.map(locate);
      await using store = queue.some(({ folder }) => folder === storeDir) ? await openCommandStore(context) : undefined;
      for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
        if (shown.has(file.path)) continue;
        const derivation =
          store !== undefined && file.folder === storeDir
            ? await readDerivation(store, file.path, { signal: context.signal })
            : parseDerivation(readDerivationFile(file), { storeDir, name: derivationNameOf(file.path) });
        shown.set(file.path, derivation);
        if (!recursive) continue;
        for (const path of derivation.inputDerivations.keys()) queue.push({ folder: file.folder, path });
      }
      const json = formatJson(derivationsToJson(shown), pretty ? 2 : undefined);
      out.write(bytesOf(brandAs<ByteString>(`${json}\n`)));
    },
  };
}

/** Where the file of a derivation is. */
interface Location {
  readonly folder: string;
  readonly path: StorePath;
}

/** What `typed` means: a path, possibly with outputs after a caret, which all belong to the same derivation. */
function locate(typed: ByteString): Location {
  const caret = typed.lastIndexOf('.drv^');
  const whole = absolutePath(caret < 0 ? typed : brandAs<ByteString>(typed.slice(0, caret + '.drv'.length)));
  const slash = whole.lastIndexOf('/');
  return { folder: whole.slice(0, slash), path: parseStorePath(whole.slice(slash + 1)) };
}

function readDerivationFile({ folder, path }: Location): ByteString {
  const file = brandAs<ByteString>(`${folder}/${path}`);
  try {
    const fd = openSync(fsPathOf(file), 'r');
    try {
      if (fstatSync(fd).size > defaultMaxDerivationSize) {
        throw new CliError('input/too-large', `'${displayBytes(file)}' is too large for a derivation`);
      }
      return brandAs<ByteString>(readFileSync(fd, 'latin1'));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    if (errnoOf(cause) === 'ENOENT') {
      throw new CliError('input/failed', `path '${displayBytes(file)}' does not exist`, { cause });
    }
    throw new CliError('input/failed', `reading file '${displayBytes(file)}': ${systemErrorText(cause)}`, { cause });
  }
}
