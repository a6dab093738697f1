import { statSync } from 'node:fs';
import { displayBytes } from '../../base/index.ts';
import { type Node, checkoutTree, importTree } from '../../castore/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { Outcome } from '../../exec/index.ts';
import { GrpcStatus, statusNameOf } from '../../grpc/index.ts';
import type { ActionResult, ExecuteResponse } from '../../proto/index.ts';
import {
  type ClientActionChannel,
  type ReapiServer,
  RemoteBlobStore,
  executeRemotely,
  openActionChannel,
  resultTree,
  sendTrees,
} from '../../reapi/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { BuilderProcess, DerivationActions } from '../build/derivation-actions.ts';
import { BuildError } from '../error.ts';
import { makeDerivationAction, outputName } from './make-derivation-action.ts';
import { RemoteLog } from './remote-log.ts';

/**
 * Builders as actions of a server of remote execution, which executes them or knows their results: its word is taken for
 * what they leave.
 */
export class RemoteDerivationActions implements DerivationActions {
  readonly #store: LocalStore;
  readonly #server: ReapiServer;
  readonly #blobs: RemoteBlobStore;
  /** Whose trees the server has had. */
  readonly #sent = new Set<StorePath>();
  /** Files of this machine that the server has had, by path; as long as they are the same. */
  readonly #files = new Map<string, { readonly state: string; readonly node: Node }>();

  /** The server stays its owner's. */
  constructor(store: LocalStore, server: ReapiServer) {
    this.#store = store;
    this.#server = server;
    this.#blobs = new RemoteBlobStore(server);
  }

  /** Throws `GrpcStatus`, `BuildError` for what cannot be an action, and the signal's reason. */
  async run(builder: BuilderProcess): Promise<Outcome> {
    const isRemembered = await this.#sendInputs(builder);
    const { status, result } = await this.#attempt(builder).catch(async (error: unknown) => {
      // It may have forgotten what it had, or was started anew and has no channel any more.
      const mayForget = isRemembered || builder.nest !== undefined;
      if (!mayForget || !(error instanceof GrpcStatus) || error.code !== 'failedPrecondition') throw error;
      this.#sent.clear();
      this.#files.clear();
      await this.#sendInputs(builder);
      return this.#attempt(builder);
    });
    const code = statusNameOf(status?.code ?? 0);
    if (code === 'deadlineExceeded') {
      if (builder.timeout !== undefined) return { kind: 'limit-reached', limit: 'time' };
      const advice = "it was told no 'timeout' (in seconds), so that one of its own held";
      throw new BuildError('TimedOut', `timed out on the server: ${status?.message ?? ''}; ${advice}`);
    }
    if (code !== 'ok') throw new GrpcStatus(code, status?.message ?? '');
    if (result === undefined) throw new GrpcStatus('internal', 'the server does not say what came of the action');
    if (result.exitCode === 0) await this.#place(result, builder);
    return { kind: 'exited', status: result.exitCode };
  }

  /** Throws `failedPrecondition`, too, where the server has not run it. */
  async #attempt(builder: BuilderProcess): Promise<ExecuteResponse> {
    const response = await this.#execute(builder);
    const { status, result } = response;
    // A server may find out when it begins what it lacks; what it says of a builder that has run comes with its log.
    if (result === undefined && statusNameOf(status?.code ?? 0) === 'failedPrecondition')
      throw new GrpcStatus('failedPrecondition', status?.message ?? '');
    return response;
  }

  /** Whether some of it was not looked at, since it was there before. */
  async #sendInputs({ inputs, signal }: BuilderProcess): Promise<boolean> {
    const fresh = [...inputs].filter(path => !this.#sent.has(path));
    await this.#sendPaths(fresh, signal);
    for (const path of fresh) this.#sent.add(path);
    return fresh.length < inputs.size || this.#files.size > 0;
  }

  /** What of the trees of valid paths the server lacks. */
  async #sendPaths(paths: readonly StorePath[], signal: AbortSignal): Promise<ReadonlyMap<StorePath, Node>> {
    const roots = new Map<StorePath, Node>();
    for (const path of paths) roots.set(path, await this.#store.rootOf(path, { signal }));
    await sendTrees(this.#store.blobs, this.#blobs, { roots, signal });
    return roots;
  }

  /** Builders all see the same few. */
  async #sendFile(path: string, signal: AbortSignal): Promise<Node> {
    const { ino, size, mtimeMs } = statSync(path);
    const state = `${ino} ${size} ${mtimeMs}`;
    const known = this.#files.get(path);
    if (known?.state === state) return known.node;
    await using batch = this.#blobs.batch();
    const node = await importTree(path, batch, { signal });
    await batch.commit({ signal });
    this.#files.set(path, { state, node });
    return node;
  }

  async #execute(builder: BuilderProcess): Promise<ExecuteResponse> {
    const { signal, output } = builder;
    await using channel = await this.#openChannel(builder);
    await using batch = this.#blobs.batch();
    const { digest: action } = await makeDerivationAction(this.#store, builder, {
      batch,
      addFile: path => this.#sendFile(path, signal),
      channel: channel?.name,
    });
    await batch.commit({ signal });
    const log = new RemoteLog({ server: this.#server, blobs: this.#blobs, signal, output });
    const response = await executeRemotely(
      this.#server,
      { action },
      { signal, progress: (_name, metadata) => log.follow(metadata) },
    );
    await log.finish(response.result);
    return response;
  }

  /** For a builder that may use Nix. */
  async #openChannel({ nest, signal }: BuilderProcess): Promise<ClientActionChannel | undefined> {
    if (nest === undefined) return undefined;
    const folder = this.#store.storeDir.slice(1);
    const begin = (channel: ClientActionChannel) =>
      nest({
        show: async paths => {
          for (const [path, root] of await this.#sendPaths(paths, signal)) await channel.show(path, root, { signal });
        },
        waits: isWaiting => channel.waits(isWaiting),
      });
    try {
      return await openActionChannel(this.#server, { folder, signal, begin });
    } catch (cause) {
      if (!(cause instanceof GrpcStatus) || cause.code !== 'unimplemented') throw cause;
      const advice = "have one of Firn's, or take these features from its line in 'builders'";
      const message = `it uses Nix ('recursive-nix', 'builder-rpc-v0'), and the server lets no action do so: ${advice}`;
      throw new BuildError('InputRejected', message, { cause });
    }
  }

  /** Puts the outputs to where the builder would have. */
  async #place(result: ActionResult, { folderInside, outputs, signal }: BuilderProcess): Promise<void> {
    for (const [storePath, place] of outputs) {
      const path = outputName(folderInside, displayBytes(printStorePath(this.#store.storeDir, storePath)));
      const left = await resultTree(this.#blobs, { result, path, signal });
      if (left !== undefined) await checkoutTree(left.blobs, left.node, place, { style: 'writable', signal });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
