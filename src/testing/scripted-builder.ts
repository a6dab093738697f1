import { type ByteString, byteStringFromText, displayBytes } from '../base/index.ts';
import { BuildError, type BuildJob, type BuildOptions, type DerivationBuilder } from '../engine/index.ts';
import {
  type BasicDerivation,
  type BuildFailureStatus,
  type BuildResult,
  type BuiltOutput,
  type Derivation,
  type DerivationOutput,
  DerivationHasher,
  type OutputName,
  type StorePath,
  fillOutputPaths,
  makeDerivationFile,
  namedOutputs,
  outputPath,
} from '../nix-compat/index.ts';
import {
  type LocalStore,
  type TreeSource,
  addDerivation,
  addTree,
  outputIds,
  readInputDerivations,
} from '../store/index.ts';
import { offerTree } from './offer-tree.ts';

export const out: OutputName = byteStringFromText('out');

/** What a test derivation is made of besides its name. */
export interface TestDerivation {
  /** Of input-addressed outputs unless given. */
  readonly outputs?: ReadonlyMap<OutputName, DerivationOutput>;
  readonly inputs?: Derivation['inputDerivations'];
  readonly sources?: readonly StorePath[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The outputs `out` of other derivations, as inputs. */
export function outsOf(...paths: StorePath[]): Derivation['inputDerivations'] {
  const uses = { outputs: [out], dynamic: new Map() };
  return new Map(paths.map(path => [path, uses]));
}

/** Adds a derivation to the store, with the output paths that follow from it. */
export async function addTestDerivation(store: LocalStore, name: string, given: TestDerivation): Promise<StorePath> {
  const { outputs = new Map([[out, { kind: 'deferred' }]]), inputs = new Map(), sources = [], env = {} } = given;
  const variables = [...outputs.keys()].map(output => [output, byteStringFromText('')] as const);
  const more = Object.entries({ name, ...env }).map(
    ([key, value]) => [byteStringFromText(key), byteStringFromText(value)] as const,
  );
  const derivation: Derivation = {
    name: byteStringFromText(name),
    outputs,
    inputSources: sources,
    inputDerivations: inputs,
    platform: byteStringFromText('test'),
    builder: byteStringFromText('/bin/sh'),
    args: [],
    env: new Map([...variables, ...more].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  const known = await readInputDerivations(store, derivation);
  const filled = fillOutputPaths(derivation, new DerivationHasher(store.storeDir, path => known.get(path)));
  return (await addDerivation(store, makeDerivationFile(store.storeDir, filled))).path;
}

function fileOf(text: ByteString): TreeSource {
  const bytes = Buffer.from(text, 'latin1');
  return async sink => {
    sink.startFile(false, bytes.byteLength);
    if (bytes.byteLength > 0) sink.fileData(bytes);
    sink.endFile();
  };
}

/** What a scripted build does instead of making files with the derivation's name in them. */
export type BuildScript = (
  job: BuildJob,
  signal: AbortSignal,
) => Promise<{ readonly contents?: ByteString; readonly failure?: BuildFailureStatus } | void>;

/** Builds derivations by script, and remembers what it built. */
export class ScriptedBuilder implements DerivationBuilder {
  readonly slots: number;
  /** Names of the derivations, in the order in which their builds began. */
  readonly built: string[] = [];
  /** By name of the derivation. The file that its outputs are, or the way it fails. */
  readonly scripts = new Map<string, BuildScript>();
  readonly #store: LocalStore;
  #running = 0;
  /** The most builds that have gone on at the same time. */
  mostRunning = 0;

  constructor(store: LocalStore, slots = 1) {
    this.#store = store;
    this.slots = slots;
  }

  rejection(): undefined {
    return undefined;
  }

  async build(job: BuildJob, { signal, slots, started }: BuildOptions): Promise<BuildResult> {
    using _slot = await slots.acquire(signal);
    started?.();
    const name = displayBytes(job.derivation.name);
    this.built.push(name);
    this.mostRunning = Math.max(this.mostRunning, ++this.#running);
    try {
      const { contents = byteStringFromText(`${name}\n`), failure } =
        (await this.scripts.get(name)?.(job, signal)) ?? {};
      if (failure !== undefined) {
        return resultOf({ status: failure, message: byteStringFromText(`${name} fails`), nonDeterministic: false });
      }
      const outputs = new Map<OutputName, BuiltOutput>();
      for (const output of job.derivation.outputs.keys()) outputs.set(output, await this.#add(job, output, contents));
      return resultOf({ status: 'Built', builtOutputs: outputs });
    } finally {
      this.#running--;
    }
  }

  async #add({ path, derivation }: BuildJob, output: OutputName, contents: ByteString): Promise<BuiltOutput> {
    const { storeDir } = this.#store;
    const kind = derivation.outputs.get(output);
    if (kind === undefined) throw new BuildError('MiscFailure', 'no such output');
    const { name } = derivation;
    const known = outputPath(kind, output, { name, storeDir });
    if (known === undefined && (kind.kind === 'floating' || kind.kind === 'impure')) {
      const info = await addTree(this.#store, fileOf(contents), {
        name: displayBytes(name),
        method: kind.method,
        references: { others: [], self: false },
      });
      const ids = await outputIds(this.#store, path, { derivation: withoutInputs(derivation) });
      const id = ids.get(output);
      if (id !== undefined) await this.#store.writer.addRealisation({ id, path: info.path, signatures: [] });
      return { path: info.path, signatures: [], derivationHash: id?.derivationHash };
    }
    if (known === undefined) throw new BuildError('MiscFailure', 'an output without a path');
    const tree = { type: 'file', executable: false, contents } as const;
    const { offers } = offerTree(tree, { info: { path: known } });
    await this.#store.writer.add([{ path: known, offers }], { checkSignatures: false });
    return { path: known, signatures: [], derivationHash: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function withoutInputs(derivation: BasicDerivation): Derivation {
  return { ...derivation, inputDerivations: new Map() };
}

function resultOf(outcome: BuildResult['outcome']): BuildResult {
  return { outcome, timesBuilt: 1, startTime: 1, stopTime: 2, cpuUser: undefined, cpuSystem: undefined };
}

/** `path^output`, of one output alone. */
export function outputOf(path: StorePath, output: OutputName = out) {
  return { kind: 'built', derivation: { kind: 'opaque', path }, outputs: namedOutputs([output]) } as const;
}
