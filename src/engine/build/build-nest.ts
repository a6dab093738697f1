import { type ByteString, type Reporter, byteStringFromText, messageOf } from '../../base/index.ts';
import { isBuiltinBuilder } from '../../nix-compat/index.ts';
import { ChannelSocket } from '../../store/index.ts';
import { nestedModeOf, requireServed } from '../nested/nested-mode.ts';
import { NestedStore } from '../nested/nested-store.ts';
import type { BuildContext, BuildRequest } from './build-context.ts';
import type { BuildSite } from './build-site.ts';

/** As C++ Nix calls it. */
const nestedSocketName = '.nix-socket';

/** What a builder has that may use the store while it runs: at disposal nothing goes on any more that it has asked for. */
export class BuildNest implements AsyncDisposable {
  readonly store: NestedStore;
  /** By which the builder's programs find it. */
  readonly variables: ReadonlyMap<ByteString, ByteString>;
  readonly #socket: ChannelSocket;

  private constructor(store: NestedStore, socket: ChannelSocket, folderInside: string) {
    this.store = store;
    this.#socket = socket;
    const remote = byteStringFromText(`unix://${folderInside}/${nestedSocketName}`);
    this.variables = new Map([[byteStringFromText('NIX_REMOTE'), remote]]);
  }

  /** Undefined for builders that have no use for it. Throws `BuildError` where it cannot be had, and the system's errors. */
  static async open(
    { store, nestedServer }: Pick<BuildContext, 'store' | 'nestedServer'>,
    request: BuildRequest,
    { site, reporter }: { readonly site: BuildSite; readonly reporter: Reporter },
  ): Promise<BuildNest | undefined> {
    const { job, options, build, slot, inputs, signal } = request;
    const mode = nestedModeOf(options);
    if (mode === undefined || isBuiltinBuilder(job.derivation)) return undefined;
    const { server, realising } = requireServed(store, job, { server: nestedServer, realising: request.nested });
    const nested = new NestedStore({
      store,
      mode,
      build,
      slot,
      realising,
      outputs: job.derivation.outputs.keys(),
      inputs,
      show: paths => site.show(paths, signal),
    });
    const socket = await ChannelSocket.listen({
      folder: site.folder.path,
      owner: site.user,
      name: nestedSocketName,
      serve: (channel, stop) => server.serve(channel, nested, stop),
      onLeft: error => reporter.log('debug', () => `a client of a builder was left: ${messageOf(error)}`),
    });
    return new BuildNest(nested, socket, site.folderInside);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket[Symbol.asyncDispose]();
  }
}
