import { type ByteString, byteStringFromLatin1, byteStringOf, displayBytes } from '../../base/index.ts';
import { type StorePath, parseStorePathIn, printStorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { InstallableArguments } from '../installables/installable-arguments.ts';
import { pathsOf, realiseInstallables } from '../installables/realise-installables.ts';
import { openCommandStore } from '../open-store.ts';
import { commandFlag } from '../shell/command-flag.ts';
import { becomeProgram, placeOfStore } from '../shell/become-program.ts';
import { EnvironmentFlags, ownVariables } from '../shell/environment-flags.ts';
import { resolveInStore } from '../shell/resolve-in-store.ts';

/** `nix shell` */
export function envShell(context: CommandContext): Command {
  const wanted = new InstallableArguments(context);
  const environment = new EnvironmentFlags();
  let command: readonly ByteString[] = [];
  return {
    summary: 'Runs a shell, or another program, that finds the programs of packages.',
    flags: [...wanted.flags, ...environment.flags, commandFlag(words => (command = words))],
    positionals: wanted.positionals,
    run: async () => {
      const variables = environment.apply(ownVariables());
      const { place, folders } = await prepare();
      const path = [...folders.map(displayBytes), ...splitPath(variables['PATH'] ?? '')].join(':');
      const args = command.length === 0 ? [process.env['SHELL'] ?? 'bash'] : command.map(displayBytes);
      const program = { file: args[0] ?? 'bash', args, environment: { ...variables, PATH: path } };
      await becomeProgram(context, place, program);
    },
  };

  async function prepare() {
    await using store = await openCommandStore(context);
    const installables = await wanted.resolve(store);
    const realised = await realiseInstallables(store, installables, { context });
    const paths = realised.flatMap(each => pathsOf(each).toSorted());
    return { place: placeOfStore(store), folders: await programFolders(store, paths) };
  }
}

/** Empty entries of PATH are the working directory. */
function splitPath(path: string): string[] {
  return path === '' ? [] : path.split(':').map(folder => (folder === '' ? '.' : folder));
}

/** Where the programs of packages are, and of those that these propagate. Throws `run/not-in-store`. */
async function programFolders(store: Store, paths: readonly StorePath[]): Promise<ByteString[]> {
  const folders: ByteString[] = [];
  // What is added to a set while it is iterated over is reached, too.
  const all = new Set(paths);
  for (const path of all) {
    const printed = printStorePath(store.storeDir, path);
    const folder = await resolveInStore(store, byteStringFromLatin1(`${printed}/bin`));
    requireInStore(store, folder);
    folders.push(folder);
    const list = await resolveInStore(
      store,
      byteStringFromLatin1(`${printed}/nix-support/propagated-user-env-packages`),
    );
    for (const word of await wordsOfFile(store, list)) all.add(parseStorePathIn(store.storeDir, word));
  }
  return folders;
}

function requireInStore({ storeDir }: Store, path: ByteString): void {
  if (path.startsWith(`${storeDir}/`)) return;
  throw new CliError('run/not-in-store', `path '${displayBytes(path)}' is not in the Nix store`);
}

/** None where there is no such file. */
async function wordsOfFile(store: Store, path: ByteString): Promise<ByteString[]> {
  if (!path.startsWith(`${store.storeDir}/`)) return [];
  const [root = '', ...names] = path.slice(store.storeDir.length + 1).split('/');
  const tree = await store.openTree(
    parseStorePathIn(store.storeDir, byteStringFromLatin1(`${store.storeDir}/${root}`)),
  );
  const place = names.map(name => byteStringFromLatin1(name));
  const entry = await tree.lookup(place);
  if (entry?.type !== 'regular') return [];
  let text = '';
  for await (const chunk of tree.read(place)) text += byteStringOf(chunk);
  return text
    .split(/[ \t\n\r]+/)
    .filter(word => word !== '')
    .map(word => byteStringFromLatin1(word));
}
