import { create } from '@bufbuild/protobuf';
import { byteStringFromText, unreachable } from '../../base/index.ts';
import type { Node } from '../../castore/index.ts';
import { GrpcStatus, type RequestStream, type Route, type ServerCall, bidiStreaming, unary } from '../../grpc/index.ts';
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  type OpenRequest,
  type OpenResponse,
  OpenResponseSchema,
  type ShowRequest,
  ShowResponseSchema,
  actionChannelsMethods,
} from '../../proto/index.ts';
import { type ActionChannel, type ActionChannels, ownDigestOf } from '../../reapi/index.ts';
import type { ByteChannel } from '../../store/index.ts';
import type { ReapiPlace } from './reapi-place.ts';

export interface ChannelsPlace extends Pick<ReapiPlace, 'access'> {
  readonly channels: ActionChannels;
}

/** `firn.channel.v1.ActionChannels` (docs/formats/action-channels.md) */
export function actionChannelsRoutes(place: ChannelsPlace): Route[] {
  return [
    bidiStreaming(actionChannelsMethods.open, (requests, call) => openChannel(place, requests, call)),
    bidiStreaming(actionChannelsMethods.connect, (requests, call) => connect(place, requests, call)),
    unary(actionChannelsMethods.show, async (request, call) => {
      const channel = requireChannel(place, request.channel, call);
      await channel.show(request.name, nodeOf(request), { signal: call.signal });
      return create(ShowResponseSchema, {});
    }),
  ];
}

/** The channel ends with the call. */
async function* openChannel(
  { access, channels }: ChannelsPlace,
  requests: RequestStream<OpenRequest>,
  call: ServerCall,
): AsyncGenerator<OpenResponse, void> {
  const first = await requests.next();
  const begin = first.value?.request;
  if (begin?.case !== 'begin') throw new GrpcStatus('invalidArgument', 'a channel begins with what it is');
  const { instanceName: instance, channel: key, folder } = begin.value;
  access.require(call, instance, 'execute');
  const channel = channels.open(key, { instance, folder });
  using _open = { [Symbol.dispose]: () => channels.close(key) };
  const ended = new AbortController();
  const listening = listen(channel, requests).then(
    () => ended.abort(new GrpcStatus('cancelled', 'the client has closed the channel')),
    (error: unknown) => ended.abort(error),
  );
  try {
    yield create(OpenResponseSchema, { event: { case: 'opened', value: true } });
    for await (const connection of channel.connections(AbortSignal.any([call.signal, ended.signal])))
      yield create(OpenResponseSchema, { event: { case: 'connection', value: BigInt(connection) } });
  } finally {
    // Ends with the call.
    await listening;
  }
}

async function listen(channel: ActionChannel, requests: RequestStream<OpenRequest>): Promise<void> {
  for await (const { request } of requests) {
    if (request.case !== 'waits') throw new GrpcStatus('invalidArgument', 'a channel begins once');
    channel.waits(request.value);
  }
}

/** The bytes of one connection, both ways, until both sides have said their last. */
async function* connect(
  place: ChannelsPlace,
  requests: RequestStream<ConnectRequest>,
  call: ServerCall,
): AsyncGenerator<ConnectResponse, void> {
  const first = await requests.next();
  if (first.value === undefined) throw new GrpcStatus('invalidArgument', 'a connection of no message');
  const { channel: key, connection, data } = first.value;
  const taken = requireChannel(place, key, call).take(Number(connection));
  if (taken === undefined) throw new GrpcStatus('notFound', `there is no connection ${connection}, or somebody has it`);
  using _taken = taken;
  const { channel } = taken;
  const gone = () => channel.destroy();
  call.signal.addEventListener('abort', gone, { once: true });
  const sending = send(channel, data, requests);
  // Who reads hears of it.
  sending.catch(() => channel.destroy());
  try {
    for await (const chunk of channel.source) yield create(ConnectResponseSchema, { data: Uint8Array.from(chunk) });
    await sending;
  } finally {
    call.signal.removeEventListener('abort', gone);
    channel.destroy();
  }
}

async function send(channel: ByteChannel, first: Uint8Array, requests: RequestStream<ConnectRequest>): Promise<void> {
  if (first.byteLength > 0) channel.write(first);
  for await (const { data } of requests) {
    channel.write(data);
    await channel.drain();
  }
  channel.end();
}

function requireChannel({ access, channels }: ChannelsPlace, key: string, call: ServerCall): ActionChannel {
  const channel = channels.ofClient(key);
  access.require(call, channel.place.instance, 'execute');
  return channel;
}

function nodeOf({ node }: ShowRequest): Node {
  const what = 'the digest of what is to be shown';
  switch (node.case) {
    case 'directory':
      return { kind: 'directory', digest: ownDigestOf(node.value, what) };
    case 'file':
    case 'executable':
      return { kind: 'file', digest: ownDigestOf(node.value, what), executable: node.case === 'executable' };
    case 'symlinkTarget':
      return { kind: 'symlink', target: byteStringFromText(node.value) };
    case undefined:
      throw new GrpcStatus('invalidArgument', 'nothing is to be shown');
    default:
      return unreachable(node);
  }
}
