import { join } from 'node:path';
import { type ByteString, type Reporter, byteStringFromText, displayBytes, silentReporter } from '../base/index.ts';
import {
  type BuildContext,
  type BuildSettings,
  type DerivationActions,
  LocalDerivationBuilder,
  Mirrors,
  type SlotSource,
  readBuildSettings,
} from '../engine/index.ts';
import { type Executor, LocalExecutor } from '../exec/index.ts';
import {
  type BuildFailure,
  type BuildMode,
  type BuildResult,
  type Derivation,
  DerivationHasher,
  type DerivationOutput,
  Settings,
  type SettingsEnvironment,
  type StorePath,
  fillOutputPaths,
  isBuildSuccess,
  makeDerivationFile,
  outputPlaceholder,
  parseStructuredAttrs,
} from '../nix-compat/index.ts';
import { type LocalStore, addTree } from '../store/index.ts';
import { openLocalStoreIn } from './local-store-rig.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface BuilderScript {
  /** `test` unless given. */
  readonly name?: string;
  /** Of /bin/sh. */
  readonly script?: string;
  /** `/bin/sh -c SCRIPT` unless given. */
  readonly builder?: string;
  /** Input-addressed unless given. */
  readonly outputs?: Readonly<Record<string, DerivationOutput | undefined>>;
  readonly env?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly structuredAttrs?: string;
  readonly inputs?: readonly StorePath[];
}

export interface BuildRigOptions {
  readonly settings?: Partial<BuildSettings>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly executor?: Executor;
  readonly reporter?: Reporter;
  readonly showsLogs?: boolean;
  /** Makes builders actions. */
  readonly actions?: (store: LocalStore, executor: Executor) => DerivationActions;
}

const environment: SettingsEnvironment = {
  platform: 'linux',
  system: 'test-system',
  extraPlatforms: [],
  systemFeatures: ['big-parallel'],
  cores: 1,
  isRoot: false,
  confDir: '/etc/nix',
  store: 'auto',
  sslCertFile: undefined,
  nixPath: [],
  sandboxShell: undefined,
  experimentalFeatures: new Set(['nix-command', 'ca-derivations', 'impure-derivations']),
};

/** The settings of a machine of this system, without a sandbox and without users for builds. */
export function testBuildSettings(changes: Partial<BuildSettings> = {}): BuildSettings {
  return { ...readBuildSettings(new Settings(environment), { cores: 3 }), sandbox: 'false', ...changes };
}

/** Slots for everybody. */
export const freeSlots: SlotSource = {
  hasFree: true,
  acquire: () =>
    Promise.resolve({ yieldWhile: (wait: () => Promise<void>) => wait(), [Symbol.dispose]: () => undefined }),
};

/** A store in a folder of its own, and a builder for it that runs real builders. */
export class BuildRig implements AsyncDisposable {
  readonly folder = temporaryFolder();
  readonly store: LocalStore;
  readonly builder: LocalDerivationBuilder;
  readonly #executor: Executor;
  readonly #actions: DerivationActions | undefined;
  readonly #reporter: Reporter;

  constructor({ settings, variables = {}, executor, reporter, showsLogs = false, actions }: BuildRigOptions = {}) {
    this.store = openLocalStoreIn(this.folder.path);
    this.#executor = executor ?? new LocalExecutor();
    this.#reporter = reporter ?? silentReporter;
    this.#actions = actions?.(this.store, this.#executor);
    const context: BuildContext = {
      actions: this.#actions,
      store: this.store,
      executor: this.#executor,
      settings: testBuildSettings(settings),
      builtins: {
        settings: new Settings(environment),
        mirrors: new Mirrors({ variables: {}, home: this.folder.path, workingFolder: this.folder.path }),
      },
      variables,
      config: () => 'cores = 3\n',
      showsLogs,
    };
    this.builder = new LocalDerivationBuilder(context, 1);
  }

  /** Adds a derivation to the store. */
  async add(test: BuilderScript): Promise<{ readonly path: StorePath; readonly derivation: Derivation }> {
    const { name = 'test', script = 'echo > $out', builder, outputs = { out: undefined }, inputs = [] } = test;
    const bytes = byteStringFromText;
    const env = new Map(Object.entries(test.env ?? {}).map(([key, value]) => [bytes(key), bytes(value)] as const));
    for (const [output, kind] of Object.entries(outputs)) {
      const isKnown = kind === undefined || kind.kind === 'fixed';
      if (!env.has(bytes(output))) env.set(bytes(output), isKnown ? bytes('') : outputPlaceholder(bytes(output)));
    }
    const plain: Derivation = {
      name: bytes(name),
      outputs: new Map(
        Object.entries(outputs).map(([key, output]) => [bytes(key), output ?? { kind: 'deferred' as const }] as const),
      ),
      inputSources: inputs.toSorted(),
      inputDerivations: new Map(),
      platform: bytes('test-system'),
      builder: bytes(builder ?? '/bin/sh'),
      args: builder === undefined ? [bytes('-c'), bytes(script)] : [],
      env,
      ...(test.structuredAttrs === undefined
        ? {}
        : { structuredAttrs: parseStructuredAttrs(bytes(test.structuredAttrs)) }),
    };
    const derivation = fillOutputPaths(plain, new DerivationHasher(this.store.storeDir, () => undefined));
    const { path, text, references } = makeDerivationFile(this.store.storeDir, derivation);
    const contents = Buffer.from(text, 'latin1');
    await addTree(
      this.store,
      async sink => {
        sink.startFile(false, contents.byteLength);
        sink.fileData(contents);
        sink.endFile();
      },
      { name: `${name}.drv`, method: 'text', references: { others: [...references], self: false } },
    );
    return { path, derivation };
  }

  /** Adds a derivation and builds it. */
  async build(
    test: BuilderScript,
    { mode = 'normal', signal = new AbortController().signal }: { mode?: BuildMode; signal?: AbortSignal } = {},
  ): Promise<BuildResult> {
    const { path, derivation } = await this.add(test);
    using reporter = this.#reporter.startActivity({ type: 'builds' });
    return this.builder.build({ path, derivation, mode }, { signal, slots: freeSlots, weight: 0, reporter });
  }

  /** As `build`, of what is built: where its outputs are. */
  async built(test: BuilderScript, mode: BuildMode = 'normal'): Promise<Record<string, string>> {
    const { outcome } = await this.build(test, { mode });
    if (!isBuildSuccess(outcome)) throw new Error(displayBytes(outcome.message));
    return Object.fromEntries(
      Array.from(outcome.builtOutputs, ([name, { path }]) => [name, this.store.realPath(path)] as const),
    );
  }

  /** As `build`, of what is not built: why not. */
  async failure(
    test: BuilderScript,
    options?: { mode?: BuildMode; signal?: AbortSignal },
  ): Promise<Omit<BuildFailure, 'message'> & { readonly message: string }> {
    const { outcome } = await this.build(test, options);
    if (isBuildSuccess(outcome)) throw new Error('it was built');
    return { ...outcome, message: withoutColours(outcome.message) };
  }

  /** Where the folders of builds are. */
  get buildsFolder(): string {
    return join(this.store.dataFolder, 'builds');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.builder[Symbol.asyncDispose]();
    await this.#actions?.[Symbol.asyncDispose]();
    await this.#executor[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

const colours = /\u001b\[[0-9;]*m/g;

function withoutColours(text: ByteString): string {
  return displayBytes(text).replaceAll(colours, '');
}
