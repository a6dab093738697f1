import type { CallOptions, DiskBlobStore, ForeignDigest } from '../../castore/index.ts';
import { formatForeignDigest } from '../../castore/index.ts';
import { ActionSchema, CommandSchema, messageCodec } from '../../proto/index.ts';
import { digestOfMessage } from '../digests/digest-message.ts';
import { ReapiError } from '../error.ts';
import { type ActionPlan, planAction } from './action-plan.ts';

/** In bytes: of an action or a command. */
const maxMessageSize = 64 * 1024 * 1024;

const actionCodec = messageCodec(ActionSchema);
const commandCodec = messageCodec(CommandSchema);

/** Reads an action and its command. Throws `blobs/missing`, `message/malformed`, and as `planAction`. */
export async function readAction(
  store: DiskBlobStore,
  digest: ForeignDigest,
  options: CallOptions = {},
): Promise<ActionPlan> {
  const from = { store, options };
  const action = await readMessage(from, { digest, what: 'action', codec: actionCodec });
  const named = digestOfMessage(action.commandDigest, digest.function, 'the digest of the command');
  const command = await readMessage(from, { digest: named, what: 'command', codec: commandCodec });
  return planAction(action, command, digest.function);
}

async function readMessage<Message>(
  { store, options }: { readonly store: DiskBlobStore; readonly options: CallOptions },
  {
    digest,
    what,
    codec,
  }: {
    readonly digest: ForeignDigest;
    readonly what: string;
    readonly codec: { readonly decode: (bytes: Uint8Array) => Message };
  },
): Promise<Message> {
  const [own] = await store.blobAliases.find([digest]);
  const bytes = own && (await store.get(own, { ...options, limit: maxMessageSize }));
  if (bytes === undefined) {
    const message = `the ${what} ${formatForeignDigest(digest)} is not in the store: upload it first`;
    throw new ReapiError('blobs/missing', message, { missing: [digest] });
  }
  try {
    return codec.decode(bytes);
  } catch (cause) {
    const message = `${formatForeignDigest(digest)} is no ${what}`;
    throw new ReapiError('message/malformed', message, { cause });
  }
}
