import { type Digest, emptyDigest } from '../../src/castore/index.ts';
import { ReapiServer, RemoteBlobStore, executeCommand, ownDigestOf } from '../../src/reapi/index.ts';

export interface RemoteResult {
  /** Of gRPC: 0 where the action was run. */
  readonly code: number;
  readonly message: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ShellCommand {
  readonly arguments: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly inputRoot?: Digest;
  readonly signal?: AbortSignal;
}

/** A client of a server of remote execution that has commands run there, always anew. */
export class RemoteShell implements AsyncDisposable {
  readonly #server: ReapiServer;
  readonly #blobs: RemoteBlobStore;

  /** `HOST:PORT` */
  constructor(address: string) {
    const [host = '', port = ''] = address.split(':');
    this.#server = new ReapiServer({ address: { transport: 'tcp', host, port: Number(port) } });
    this.#blobs = new RemoteBlobStore(this.#server);
  }

  async run({ properties = {}, inputRoot = emptyDigest, signal, ...rest }: ShellCommand): Promise<RemoteResult> {
    const command = { ...rest, inputRoot, properties: Object.entries(properties), isFresh: true };
    const { result, status } = await executeCommand(this.#server, this.#blobs, { command, signal });
    const read = async (digest: Parameters<typeof ownDigestOf>[0]) => {
      const bytes = digest === undefined ? undefined : await this.#blobs.get(ownDigestOf(digest, 'an output'));
      return Buffer.from(bytes ?? []).toString();
    };
    return {
      code: status?.code ?? 0,
      message: status?.message ?? '',
      exitCode: result?.exitCode ?? -1,
      stdout: await read(result?.stdoutDigest),
      stderr: await read(result?.stderrDigest),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
