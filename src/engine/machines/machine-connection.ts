import type { Reporter } from '../../base/index.ts';
import type { BuildResult, Machine, OutputName, StorePath } from '../../nix-compat/index.ts';
import type { RemoteBuild, Store } from '../../store/index.ts';
import type { MachineBuild } from './build-on-machine.ts';

export interface MachineBuildOptions {
  readonly signal: AbortSignal;
  /** Told of what the machine tells, where its protocol has messages. */
  readonly reporter: Reporter;
}

/** A connection to a machine, for one build at a time. */
export type MachineConnection = StoreConnection | ActionConnection;

/** One that has a store, in which it builds derivations. */
export interface StoreConnection extends AsyncDisposable {
  readonly kind: 'store';
  readonly store: Store;
  /** Whether the machine takes our word for what outputs are that are not known by their content. */
  readonly trustsUs: boolean;
  /** Whether there may be another build when one has ended; else only its end brings the rest of the log. */
  readonly isReusable: boolean;
  /** Builds a derivation whose inputs the machine's store has. Throws what is wrong with the connection. */
  build(build: RemoteBuild, options: MachineBuildOptions): Promise<BuildResult>;
  /** All outputs of a derivation that the machine's store has. Throws as `build`. */
  realise(derivation: StorePath, options: MachineBuildOptions): Promise<BuildResult>;
}

/** One that runs builders as actions, of which it knows nothing but what is in them. */
export interface ActionConnection extends AsyncDisposable {
  readonly kind: 'actions';
  readonly isReusable: boolean;
  /**
   * Has a derivation's builder run, whose outputs are valid in our store then: where these are. `errors` gets its log. Throws
   * `BuilderFailedElsewhere`, `BuildError`, and what is wrong with the connection.
   */
  build(build: MachineBuild, options: MachineBuildOptions): Promise<ReadonlyMap<OutputName, StorePath>>;
}

export interface ConnectOptions {
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** Gets what comes on the way beside the protocol: of ssh, and the log of a build where the protocol has no messages. */
  readonly errors: (chunk: Uint8Array) => void;
}

/** Resolves when the machine has answered. Throws why it has not. */
export type ConnectToMachine = (machine: Machine, options: ConnectOptions) => Promise<MachineConnection>;
