import { closeSync, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { type ByteString, brandAs, bytesOf, displayBytes, errnoOf, systemErrorText } from '../../base/index.ts';
import {
  type Derivation,
  type StoreDir,
  type StorePath,
  defaultMaxDerivationSize,
  derivationNameOf,
  derivationsToJson,
  formatJson,
  isDerivationPath,
  parseDerivation,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { type Store, computeClosure, readDerivation } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import type { Installable } from '../installables/installable.ts';
import { resolveInstallables } from '../installables/resolve-installables.ts';
import { openCommandStore, storeDirAt } from '../open-store.ts';
import { absolutePath, fsPathOf } from '../paths.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix derivation show`: of installables, or of files that are copies of derivations. */
export function derivationShow(context: CommandContext): Command {
  const { out } = context;
  const wanted = new InstallableArguments(context);
  let recursive = false;
  let pretty = out.isTerminal;
  return {
    summary: 'Prints derivations (.drv files) as JSON.',
    flags: [
      ...wanted.flags,
      {
        long: 'recursive',
        short: 'r',
        labels: [],
        summary: 'Print the derivations that they depend on, too.',
        apply: () => (recursive = true),
      },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      const texts = wanted.readTexts();
      if (texts.length === 0 && !wanted.source.isGiven) {
        throw new CliError('usage/missing-argument', "'nix derivation show' needs the path of a .drv file");
      }
      const storeDir = storeDirAt(context.settings.get('store'), context);
      const copies = wanted.source.isGiven ? [] : texts.filter(text => isCopy(text, storeDir));
      const shown = readCopies(copies.map(locate), { storeDir, recursive });
      if (copies.length < texts.length || wanted.source.isGiven) {
        await using store = await openCommandStore(context);
        const installables = await wanted.resolve(
          store,
          texts.filter(text => !copies.includes(text)),
        );
        for (const [path, derivation] of await readInstalled(store, installables, { recursive, context })) {
          shown.set(path, derivation);
        }
      }
      const json = formatJson(derivationsToJson(shown), pretty ? 2 : undefined);
      out.write(bytesOf(brandAs<ByteString>(`${json}\n`)));
    },
  };
}

interface ReadOptions {
  readonly recursive: boolean;
  readonly context: CommandContext;
}

async function readInstalled(
  store: Store,
  installables: readonly Installable[],
  { recursive, context }: ReadOptions,
): Promise<Map<StorePath, Derivation>> {
  const shown = new Map<StorePath, Derivation>();
  const { signal } = context;
  for (const installable of installables) {
    const roots = await resolveInstallables(store, [installable], { operateOn: 'derivation', context });
    const { evalStore } = installable;
    const all = recursive ? [...(await computeClosure(evalStore, roots, { signal })).keys()] : roots;
    for (const path of all) {
      if (isDerivationPath(path)) shown.set(path, await readDerivation(evalStore, path, { signal }));
    }
  }
  return shown;
}

/** Whether a text names a file elsewhere than in the store. */
function isCopy(text: ByteString, storeDir: StoreDir): boolean {
  const { folder, name } = placeOf(text);
  if (folder === storeDir || !name.endsWith('.drv')) return false;
  const path = brandAs<ByteString>(`${folder}/${name}`);
  return lstatSync(fsPathOf(path), { throwIfNoEntry: false })?.isSymbolicLink() !== true;
}

function readCopies(
  files: readonly Location[],
  { storeDir, recursive }: { readonly storeDir: StoreDir; readonly recursive: boolean },
): Map<StorePath, Derivation> {
  const shown = new Map<StorePath, Derivation>();
  const queue = [...files];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (shown.has(file.path)) continue;
    const derivation = parseDerivation(readDerivationFile(file), { storeDir, name: derivationNameOf(file.path) });
    shown.set(file.path, derivation);
    if (!recursive) continue;
    for (const path of derivation.inputDerivations.keys()) queue.push({ folder: file.folder, path });
  }
  return shown;
}

/** Where the file of a derivation is. */
interface Location {
  readonly folder: string;
  readonly path: StorePath;
}

/** What `typed` means: a path, possibly with outputs after a caret, which all belong to the same derivation. */
function locate(typed: ByteString): Location {
  const { folder, name } = placeOf(typed);
  return { folder, path: parseStorePath(name) };
}

function placeOf(typed: ByteString): { readonly folder: string; readonly name: string } {
  const caret = typed.lastIndexOf('.drv^');
  const whole = absolutePath(caret < 0 ? typed : brandAs<ByteString>(typed.slice(0, caret + '.drv'.length)));
  const slash = whole.lastIndexOf('/');
  return { folder: whole.slice(0, slash), name: whole.slice(slash + 1) };
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
