import type { HoldLimits } from '../../castore/index.ts';
import type { ListenAddress, ServerLimits, TlsIdentity } from '../../grpc/index.ts';
import type { CertificateGrant, NarCompression, Right, TokenGrant } from '../../server/index.ts';

/** What `firn serve` is to do: defaults, overridden by `firn.toml`, overridden by flags. */
export interface ServeSettings {
  readonly grpc: readonly ListenAddress[];
  readonly http: readonly ListenAddress[];
  readonly instances: readonly string[];
  /** Of those who do not say who they are; undefined: reading, where only this machine can ask. */
  readonly anonymous: readonly Right[] | undefined;
  readonly tokens: readonly TokenGrant[];
  readonly certificates: readonly CertificateGrant[];
  /** Seconds for which a blob stays that a client was told is here. */
  readonly lease: number;
  /** Milliseconds that calls have to end when the server is asked to. */
  readonly drain: number;
  /** Bytes of one blob. */
  readonly maxBlobSize: number;
  /** Bytes of one asset that is fetched, and of what is in it. */
  readonly maxAssetSize: number;
  /** Whether assets are fetched from this machine itself and from what is on its links, such as a cloud's metadata service. */
  readonly assetsFromNearby: boolean;
  /** Of the store as a binary cache of Nix. */
  readonly nixCache: NixCacheSettings;
  /** Bytes of all blobs, beyond which those go that nobody needs; undefined: as many as the disk has. */
  readonly maxSize: number | undefined;
  /** How actions are executed; what is not said is as `defaultActionSettings` has it. */
  readonly execution: ExecutionSettings;
  /** How long results of actions are kept, and how much of what they name: for every collection of the store. */
  readonly actionCache: HoldLimits | undefined;
  /** Limits of the gRPC server, where they are not its own. */
  readonly server: { readonly [name in keyof ServerLimits]?: number | undefined };
  /** Where calls are told of as spans of OpenTelemetry. */
  readonly traces: { readonly endpoint: string; readonly headers: Readonly<Record<string, string>> } | undefined;
  /** Of addresses over TCP. */
  readonly tls: TlsIdentity | undefined;
}

export interface ExecutionSettings {
  /** Whether actions are executed at all. */
  readonly enabled: boolean;
  /** How many at a time. */
  readonly slots?: number | undefined;
  /** How many may wait. */
  readonly maxWaiting?: number | undefined;
  /** Of this machine, shown to actions, read-only. */
  readonly hostPaths?: readonly string[] | undefined;
  readonly network?: boolean | undefined;
  /** Whether an action may see all of the store (`nix-closure` = `all`). */
  readonly wholeStore?: boolean | undefined;
  /** Whether an action may use Nix (`nix-daemon` = `1`): add to the store, and have things built there. */
  readonly nixDaemon?: boolean | undefined;
  /** In milliseconds. */
  readonly defaultTimeout?: number | undefined;
  readonly maxTimeout?: number | undefined;
  /** In bytes, of what an action writes to its standard streams. */
  readonly maxOutput?: number | undefined;
  /** Properties that are offered beside those of the machine, and their values. */
  readonly platform: ReadonlyMap<string, readonly string[]>;
}

export interface NixCacheSettings {
  /** Of the NARs that narinfos name; others are served by name, too. */
  readonly compression: NarCompression;
  /** Of several caches, clients ask that with the smallest first. */
  readonly priority: number;
  /** Whether what the store lacks is had from the setting `substituters`. */
  readonly pullsThrough: boolean;
  /** Names of instances that have only what was sent to them. */
  readonly privateInstances: readonly string[];
}

const loopback = '127.0.0.1';

export const defaultServeSettings: ServeSettings = {
  grpc: [{ transport: 'tcp', host: loopback, port: 8980 }],
  http: [{ transport: 'tcp', host: loopback, port: 8981 }],
  instances: ['', 'main'],
  anonymous: undefined,
  tokens: [],
  certificates: [],
  // Bazel takes blobs for present for three hours (`--experimental_remote_cache_ttl`).
  lease: 4 * 3600,
  drain: 10_000,
  maxBlobSize: 64 * 2 ** 30,
  maxSize: undefined,
  // Before cache.nixos.org, which has 40.
  nixCache: { compression: 'zstd', priority: 30, pullsThrough: false, privateInstances: [] },
  execution: { enabled: true, platform: new Map() },
  actionCache: undefined,
  server: {},
  traces: undefined,
  tls: undefined,
  maxAssetSize: 16 * 2 ** 30,
  assetsFromNearby: false,
};

/** What `--anonymous` gives: each level includes those before it. */
export const anonymousLevels: Readonly<Record<string, readonly Right[]>> = {
  none: [],
  read: ['read'],
  write: ['read', 'write'],
  execute: ['read', 'write', 'execute'],
};

/** Whether nobody but this machine's users can reach an address. */
export function isLocal(address: ListenAddress): boolean {
  if (address.transport === 'unix') return true;
  return address.host === 'localhost' || address.host === '::1' || address.host.startsWith('127.');
}
