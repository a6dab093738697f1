import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Digest, checkoutTree, emptyDigest, importTree } from '../../castore/index.ts';
import { statusNameOf } from '../../grpc/index.ts';
import type { ActionResult, ExecuteResponse } from '../../proto/index.ts';
import {
  ReapiServer,
  RemoteBlobStore,
  executeCommand,
  ownDigestOf,
  parseEndpoint,
  resultTree,
} from '../../reapi/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { ExitStatus } from '../exit-status.ts';
import { writeFully } from '../render/write-fully.ts';

export interface RemoteRequest {
  readonly server: string;
  readonly arguments: readonly string[];
  readonly properties: readonly (readonly [name: string, value: string])[];
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** Absolute. */
  readonly inputs: string | undefined;
  readonly outputs: readonly string[];
  readonly isFresh: boolean;
}

/** Runs a command on a server; ends with the command's exit status. */
export async function runRemotely(request: RemoteRequest, { signal }: CommandContext): Promise<void> {
  const token = process.env['FIRN_REAPI_TOKEN'];
  const metadata = token === undefined || token === '' ? undefined : { authorization: `Bearer ${token}` };
  await using server = new ReapiServer({ ...parseEndpoint(request.server), ...(metadata && { metadata }) });
  const blobs = new RemoteBlobStore(server);
  const command = {
    arguments: request.arguments,
    environment: Object.fromEntries(request.variables),
    properties: request.properties,
    outputPaths: request.outputs,
    isFresh: request.isFresh,
    inputRoot: await upload(request.inputs, blobs, signal),
  };
  const response = await executeCommand(server, blobs, { command, signal });
  const result = resultOf(response);
  for (const [fd, digest] of [[1, result.stdoutDigest] as const, [2, result.stderrDigest] as const]) {
    if (digest === undefined) continue;
    const chunks = await blobs.open(ownDigestOf(digest, 'what it wrote'), { signal });
    for await (const chunk of chunks ?? []) writeFully(fd, chunk);
  }
  for (const name of request.outputs) await download(name, result, { blobs, signal });
  if (result.exitCode !== 0) throw new ExitStatus(result.exitCode);
}

async function upload(folder: string | undefined, blobs: RemoteBlobStore, signal: AbortSignal): Promise<Digest> {
  await using batch = blobs.batch();
  if (folder === undefined) await batch.put(new Uint8Array(0));
  const root = folder === undefined ? undefined : await importTree(folder, batch, { signal });
  await batch.commit({ signal });
  if (root === undefined) return emptyDigest;
  if (root.kind === 'directory') return root.digest;
  throw new CliError('usage/bad-value', `'${folder}' is no folder`);
}

function resultOf({ status, result }: ExecuteResponse): ActionResult {
  if ((status?.code ?? 0) !== 0) {
    const message = `the command was not run: ${status?.message ?? ''} (${statusNameOf(status?.code ?? 2)})`;
    throw new CliError('execute/not-run', message);
  }
  if (result === undefined)
    throw new CliError('execute/not-run', 'the server says nothing of what came of the command');
  return result;
}

interface DownloadOptions {
  readonly blobs: RemoteBlobStore;
  readonly signal: AbortSignal;
}

/** Puts an output to where it has its name in the current folder, where nothing may be. */
async function download(name: string, result: ActionResult, { blobs, signal }: DownloadOptions): Promise<void> {
  const left = await resultTree(blobs, { result, path: name, signal });
  if (left === undefined) throw new CliError('execute/no-output', `the command made no '${name}'`);
  const path = resolve(name);
  mkdirSync(dirname(path), { recursive: true });
  await checkoutTree(left.blobs, left.node, path, { style: 'writable', signal });
}
