import { create } from '@bufbuild/protobuf';
import { type Digest, emptyDigest, putBlob } from '../../src/castore/index.ts';
import { ActionSchema, CommandSchema, messageCodec } from '../../src/proto/index.ts';
import {
  ReapiServer,
  RemoteBlobStore,
  executeRemotely,
  messageOfOwnDigest,
  ownDigestOf,
} from '../../src/reapi/index.ts';

export interface RemoteResult {
  /** Of gRPC: 0 where the action was run. */
  readonly code: number;
  readonly message: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RemoteCommand {
  readonly arguments: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly inputRoot?: Digest;
  readonly signal?: AbortSignal;
}

/** A client of a server of remote execution that has commands run there. */
export class RemoteShell implements AsyncDisposable {
  readonly #server: ReapiServer;
  readonly #blobs: RemoteBlobStore;
  #salt = 0;

  /** `HOST:PORT` */
  constructor(address: string) {
    const [host = '', port = ''] = address.split(':');
    this.#server = new ReapiServer({ address: { transport: 'tcp', host, port: Number(port) } });
    this.#blobs = new RemoteBlobStore(this.#server);
  }

  async run(command: RemoteCommand): Promise<RemoteResult> {
    const { properties = {}, environment = {}, inputRoot = emptyDigest, signal } = command;
    const platform = { properties: Object.entries(properties).map(([name, value]) => ({ name, value })) };
    // No two actions are the same.
    const variables = { ...environment, SALT: `${process.pid}-${this.#salt++}` };
    const bytes = messageCodec(CommandSchema).encode(
      create(CommandSchema, {
        arguments: [...command.arguments],
        environmentVariables: Object.entries(variables).map(([name, value]) => ({ name, value })),
        platform,
      }),
    );
    const action = messageCodec(ActionSchema).encode(
      create(ActionSchema, {
        commandDigest: messageOfOwnDigest(await putBlob(this.#blobs, bytes)),
        inputRootDigest: messageOfOwnDigest(inputRoot),
        platform,
        doNotCache: true,
      }),
    );
    if (inputRoot === emptyDigest) await putBlob(this.#blobs, new Uint8Array(0));
    const response = await executeRemotely(this.#server, { action: await putBlob(this.#blobs, action) }, { signal });
    const { result } = response;
    const read = async (raw: Uint8Array | undefined, digest: Parameters<typeof ownDigestOf>[0] | undefined) => {
      if (raw !== undefined && raw.byteLength > 0) return Buffer.from(raw).toString();
      return digest === undefined
        ? ''
        : Buffer.from((await this.#blobs.get(ownDigestOf(digest, 'an output'))) ?? []).toString();
    };
    return {
      code: response.status?.code ?? 0,
      message: response.status?.message ?? '',
      exitCode: result?.exitCode ?? -1,
      stdout: await read(result?.stdoutRaw, result?.stdoutDigest),
      stderr: await read(result?.stderrRaw, result?.stderrDigest),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
