import type { CommandContext, CommandFactory, Commands, LegacyCommandFactory } from '../command.ts';
import { CliError } from '../error.ts';
import { firnVersion } from '../version.ts';

type Loader = () => Promise<CommandFactory>;

/** Commands that Firn has. The module of one is loaded when it is called. */
const present: { readonly [path: string]: Loader } = {
  build: async () => (await import('./build.ts')).build,
  bundle: async () => (await import('./bundle.ts')).bundle,
  'config check': async () => (await import('./config-check.ts')).configCheck,
  'config show': async () => (await import('./config-show.ts')).configShow,
  copy: async () => (await import('./copy.ts')).copy,
  daemon: async () => (await import('./daemon.ts')).daemon,
  'derivation add': async () => (await import('./derivation-add.ts')).derivationAdd,
  'derivation show': async () => (await import('./derivation-show.ts')).derivationShow,
  develop: async () => (await import('./develop.ts')).develop,
  edit: async () => (await import('./edit.ts')).edit,
  'env shell': async () => (await import('./env-shell.ts')).envShell,
  eval: async () => (await import('./eval.ts')).evaluate,
  execute: async () => (await import('./execute.ts')).execute,
  'flake archive': async () => (await import('./flake-archive.ts')).flakeArchive,
  'flake check': async () => (await import('./flake-check.ts')).flakeCheck,
  'flake clone': async () => (await import('./flake-clone.ts')).flakeClone,
  'flake info': async () => (await import('./flake-metadata.ts')).flakeInfo,
  'flake init': async () => (await import('./flake-init.ts')).flakeInit,
  'flake lock': async () => (await import('./flake-lock.ts')).flakeLock,
  'flake metadata': async () => (await import('./flake-metadata.ts')).flakeMetadata,
  'flake new': async () => (await import('./flake-init.ts')).flakeNew,
  'flake prefetch': async () => (await import('./flake-prefetch.ts')).flakePrefetch,
  'flake prefetch-inputs': async () => (await import('./flake-prefetch-inputs.ts')).flakePrefetchInputs,
  'flake show': async () => (await import('./flake-show.ts')).flakeShow,
  'flake update': async () => (await import('./flake-lock.ts')).flakeUpdate,
  fmt: async () => (await import('./formatter.ts')).formatterRun,
  'formatter build': async () => (await import('./formatter.ts')).formatterBuild,
  'formatter run': async () => (await import('./formatter.ts')).formatterRun,
  'hash convert': async () => (await import('./hash-convert.ts')).hashConvert,
  'hash file': async () => (await import('./hash-path.ts')).hashFile,
  'hash path': async () => (await import('./hash-path.ts')).hashPath,
  'hash to-base16': async () => (await import('./hash-to.ts')).hashTo('base16'),
  'hash to-base32': async () => (await import('./hash-to.ts')).hashTo('nix32'),
  'hash to-base64': async () => (await import('./hash-to.ts')).hashTo('base64'),
  'hash to-sri': async () => (await import('./hash-to.ts')).hashTo('sri'),
  help: async () => (await import('./help.ts')).help,
  'help-stores': async () => (await import('./help.ts')).helpStores,
  'key convert-secret-to-public': async () => (await import('./key-convert.ts')).keyConvertSecretToPublic,
  'key generate-secret': async () => (await import('./key-generate.ts')).keyGenerateSecret,
  log: async () => (await import('./log.ts')).buildLog,
  'eval-jobs': async () => (await import('./eval-jobs.ts')).evalJobs,
  mount: async () => (await import('./mount.ts')).mount,
  'nar cat': async () => (await import('./nar-cat.ts')).narCat,
  'nar dump-path': async () => (await import('./nar-pack.ts')).narDumpPath,
  'nar ls': async () => (await import('./nar-ls.ts')).narLs,
  'nar pack': async () => (await import('./nar-pack.ts')).narPack,
  'path-info': async () => (await import('./path-info.ts')).pathInfo,
  'print-dev-env': async () => (await import('./print-dev-env.ts')).printDevEnv,
  'profile add': async () => (await import('./profile-add.ts')).profileAdd,
  'profile diff-closures': async () => (await import('./profile-diff-closures.ts')).profileDiffClosures,
  'profile history': async () => (await import('./profile-history.ts')).profileHistory,
  'profile list': async () => (await import('./profile-list.ts')).profileList,
  'profile remove': async () => (await import('./profile-remove.ts')).profileRemove,
  'profile rollback': async () => (await import('./profile-rollback.ts')).profileRollback,
  'profile upgrade': async () => (await import('./profile-upgrade.ts')).profileUpgrade,
  'profile wipe-history': async () => (await import('./profile-wipe-history.ts')).profileWipeHistory,
  'realisation info': async () => (await import('./realisation-info.ts')).realisationInfo,
  'registry add': async () => (await import('./registry-add.ts')).registryAdd,
  'registry list': async () => (await import('./registry-list.ts')).registryList,
  'registry pin': async () => (await import('./registry-pin.ts')).registryPin,
  'registry remove': async () => (await import('./registry-remove.ts')).registryRemove,
  'registry resolve': async () => (await import('./registry-resolve.ts')).registryResolve,
  repl: async () => (await import('./repl.ts')).repl,
  run: async () => (await import('./run-app.ts')).runApp,
  search: async () => (await import('./search.ts')).search,
  serve: async () => (await import('./serve.ts')).serve,
  'store add': async () => (await import('./store-add.ts')).storeAddPath,
  'store add-file': async () => (await import('./store-add.ts')).storeAddFile,
  'store add-output': async () => (await import('./store-add-output.ts')).storeAddOutput,
  'store add-path': async () => (await import('./store-add.ts')).storeAddPath,
  'store cat': async () => (await import('./store-cat.ts')).storeCat,
  'store copy-log': async () => (await import('./store-copy-log.ts')).storeCopyLog,
  'store copy-sigs': async () => (await import('./store-copy-sigs.ts')).storeCopySigs,
  'store delete': async () => (await import('./store-delete.ts')).nixStoreDelete,
  'store diff-closures': async () => (await import('./store-diff-closures.ts')).storeDiffClosures,
  'store dump-path': async () => (await import('./store-dump-path.ts')).storeDumpPath,
  'store gc': async () => (await import('./store-gc.ts')).nixStoreGc,
  'store import-oci': async () => (await import('./store-import-oci.ts')).storeImportOci,
  'store info': async () => (await import('./store-info.ts')).storeInfo,
  'store ls': async () => (await import('./store-ls.ts')).storeLs,
  'store make-content-addressed': async () =>
    (await import('./store-make-content-addressed.ts')).storeMakeContentAddressed,
  'store optimise': async () => (await import('./store-optimise.ts')).nixStoreOptimise,
  'store path-from-hash-part': async () => (await import('./store-path-from-hash-part.ts')).storePathFromHashPart,
  'store pin': async () => (await import('./store-pin.ts')).storePin,
  'store prefetch-file': async () => (await import('./store-prefetch-file.ts')).storePrefetchFile,
  'store repair': async () => (await import('./store-repair.ts')).nixStoreRepair,
  'store submit-output': async () => (await import('./store-submit-output.ts')).storeSubmitOutput,
  'store sign': async () => (await import('./store-sign.ts')).storeSign,
  'store verify': async () => (await import('./store-verify.ts')).nixStoreVerify,
  'upgrade-nix': async () => (await import('./upgrade-nix.ts')).upgradeNix,
  'why-depends': async () => (await import('./why-depends.ts')).whyDepends,
};

/** Names of Nix that this version lacks, groups of them by their first word alone. */
const absent: readonly string[] = ['store roots-daemon'];

const shorthand = (...means: string[]) => ({ means, deprecated: false });
const deprecated = (...means: string[]) => ({ means, deprecated: true });

const aliases = {
  'add-to-store': deprecated('store', 'add-path'),
  'cat-nar': deprecated('nar', 'cat'),
  'cat-store': deprecated('store', 'cat'),
  'copy-sigs': deprecated('store', 'copy-sigs'),
  'dev-shell': deprecated('develop'),
  'diff-closures': deprecated('store', 'diff-closures'),
  doctor: deprecated('config', 'check'),
  'dump-path': deprecated('store', 'dump-path'),
  'hash-file': deprecated('hash', 'file'),
  'hash-path': deprecated('hash', 'path'),
  'ls-nar': deprecated('nar', 'ls'),
  'ls-store': deprecated('store', 'ls'),
  'make-content-addressable': deprecated('store', 'make-content-addressed'),
  'optimise-store': deprecated('store', 'optimise'),
  'ping-store': deprecated('store', 'info'),
  shell: shorthand('env', 'shell'),
  'show-config': deprecated('config', 'show'),
  'show-derivation': deprecated('derivation', 'show'),
  'sign-paths': deprecated('store', 'sign'),
  'to-base16': deprecated('hash', 'to-base16'),
  'to-base32': deprecated('hash', 'to-base32'),
  'to-base64': deprecated('hash', 'to-base64'),
  verify: deprecated('store', 'verify'),
};

/** What groups are about, where that needs saying. */
const groupSummaries: { readonly [group: string]: string } = {
  flake: 'Commands that look at flakes, lock their inputs, and make new ones.',
  formatter: 'Commands that build or run the formatter of a flake.',
  registry: 'Commands that say what names stand for flakes.',
};

/** Of members of groups. */
const aliasesOf: { readonly [group: string]: NonNullable<Commands['aliases']> } = {
  profile: { install: deprecated('add') },
  store: { ping: deprecated('info') },
};

/** The commands of `nix` and `firn` by name. */
export function commandTree(context: CommandContext): Commands {
  const members: { [name: string]: Commands | Commands['members'][string] } = {};
  const add = (path: string, load: Commands['members'][string]): void => {
    const [name = path, member] = path.split(' ');
    if (member === undefined) {
      members[name] = load;
      return;
    }
    const group = members[name] ?? newGroup(name);
    if (group.kind === 'group') members[name] = { ...group, members: { ...group.members, [member]: load } };
  };
  for (const [path, load] of Object.entries(present)) {
    add(path, { kind: 'command', load: async () => bind(await load(), context) });
  }
  for (const path of absent) add(path, { kind: 'command', load: () => Promise.reject(absentCommand(`nix ${path}`)) });
  return { kind: 'group', members, aliases };
}

function newGroup(name: string): Commands {
  const summary = groupSummaries[name];
  return { kind: 'group', members: {}, aliases: aliasesOf[name] ?? {}, ...(summary === undefined ? {} : { summary }) };
}

function bind(create: CommandFactory, context: CommandContext): () => ReturnType<CommandFactory> {
  return () => create(context);
}

function absentCommand(name: string): CliError {
  const message = `'${name}' is not part of Firn ${firnVersion()} yet; 'firn --help' lists what is`;
  return new CliError('command/absent', message);
}

/** Commands of their own name. */
const legacyCommands: { readonly [name: string]: () => Promise<LegacyCommandFactory> } = {
  'nix-build': async () => (await import('./nix-build.ts')).nixBuild,
  'nix-channel': async () => (await import('./nix-channel.ts')).nixChannel,
  'nix-collect-garbage': async () => (await import('./nix-collect-garbage.ts')).nixCollectGarbage,
  'nix-copy-closure': async () => (await import('./nix-copy-closure.ts')).nixCopyClosure,
  'nix-daemon': async () => (await import('./nix-daemon.ts')).nixDaemon,
  'nix-env': async () => (await import('./nix-env.ts')).nixEnv,
  'nix-hash': async () => (await import('./nix-hash.ts')).nixHash,
  'nix-instantiate': async () => (await import('./nix-instantiate.ts')).nixInstantiate,
  'nix-prefetch-url': async () => (await import('./nix-prefetch-url.ts')).nixPrefetchUrl,
  'nix-shell': async () => (await import('./nix-shell.ts')).nixShell,
  'nix-store': async () => (await import('./nix-store.ts')).nixStore,
};

/** All of Nix's, whether Firn has them or not. */
export const legacyNames: readonly string[] = [
  'nix-build',
  'nix-channel',
  'nix-collect-garbage',
  'nix-copy-closure',
  'nix-daemon',
  'nix-env',
  'nix-hash',
  'nix-instantiate',
  'nix-prefetch-url',
  'nix-shell',
  'nix-store',
];

/** Loads the modules of all commands, and with them nearly all there is. */
export async function loadAllCommands(): Promise<void> {
  await Promise.all([...Object.values(present), ...Object.values(legacyCommands)].map(load => load()));
}

/** Throws `command/absent`. */
export async function loadLegacyCommand(name: string): Promise<LegacyCommandFactory> {
  const load = Object.hasOwn(legacyCommands, name) ? legacyCommands[name] : undefined;
  if (load === undefined) throw absentCommand(name);
  return load();
}
