import { create } from '@bufbuild/protobuf';
import { type BlobStore, type Digest, putBlob } from '../../castore/index.ts';
import { ActionSchema, CommandSchema, type ExecuteResponse, messageCodec } from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import type { ReapiServer } from './reapi-server.ts';
import { type ExecuteRemotelyOptions, executeRemotely } from './remote-execution.ts';

/** A command as a server is to run it. */
export interface RemoteCommand {
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** In the server's store. */
  readonly inputRoot: Digest;
  /** Names and values of platform properties. */
  readonly properties?: readonly (readonly [name: string, value: string])[];
  /** Relative to the input root. */
  readonly outputPaths?: readonly string[];
  /** Whether it is run again however often it was, and its result is kept from others. */
  readonly isFresh?: boolean;
}

const commandCodec = messageCodec(CommandSchema);
const actionCodec = messageCodec(ActionSchema);

/** Puts the messages of an action into `blobs`, the server's store, and has it executed. Throws as `executeRemotely`. */
export async function executeCommand(
  server: ReapiServer,
  blobs: BlobStore,
  { command, ...options }: ExecuteRemotelyOptions & { readonly command: RemoteCommand },
): Promise<ExecuteResponse> {
  const { properties = [], environment = {}, outputPaths = [], isFresh = false } = command;
  const byName = <T extends { readonly name: string; readonly value: string }>(list: T[]) =>
    // As the specification has them, so that equal commands are equal messages.
    list.toSorted((a, b) => (a.name === b.name ? compare(a.value, b.value) : compare(a.name, b.name)));
  const platform = { properties: byName(properties.map(([name, value]) => ({ name, value }))) };
  const message = create(CommandSchema, {
    arguments: [...command.arguments],
    environmentVariables: byName(Object.entries(environment).map(([name, value]) => ({ name, value }))),
    outputPaths: outputPaths.toSorted(compare),
    platform,
  });
  const commandDigest = messageOfOwnDigest(await putBlob(blobs, commandCodec.encode(message)));
  const inputRootDigest = messageOfOwnDigest(command.inputRoot);
  const action = create(ActionSchema, { commandDigest, inputRootDigest, platform, doNotCache: isFresh });
  const digest = await putBlob(blobs, actionCodec.encode(action));
  return executeRemotely(server, { action: digest, skipCacheLookup: isFresh }, options);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
