/**
 * The thread that answers the kernel. It has no event loop: it waits for requests and for orders at once, and for nothing
 * else. A bundle has this file beside it.
 */
import { readSync, writeSync } from 'node:fs';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { ReadablePair, errnoOf, messageOf, unreachable } from '../../base/index.ts';
import { decodeRequest } from '../protocol/request.ts';
import { LocalNodes } from './local-nodes.ts';
import { type Order, type Report, type ServingSettings, endRequested, orderCount } from './messages.ts';
import { ViewServer } from './view-server.ts';

/** In bytes: the kernel wants at least 8 KiB; more lets it tell of more forgotten inodes at a time. */
const requestSize = 64 * 1024;

function serve(settings: ServingSettings): void {
  const { device, wakeUp, port } = settings;
  const report = (message: Report) => port.postMessage(message, []);
  const signals = new Int32Array(settings.signals);
  using nodes = new LocalNodes(settings.dataFolder);
  const server = new ViewServer({
    ...settings,
    nodes,
    reply: bytes => writeReply(device, bytes),
    ask: (id, question) => report({ kind: 'question', id, question }),
    withdraw: id => report({ kind: 'withdrawn', id }),
    report: problem => report({ kind: 'problem', problem }),
  });
  const ready = new ReadablePair(device, wakeUp);
  const buffer = Buffer.alloc(requestSize);
  const wakeUps = Buffer.alloc(4096);
  let isReady = false;
  let ordersSeen = 0;
  for (;;) {
    const { first: hasRequest, second: hasOrders } = ready.wait(server.timeout);
    if (hasOrders) drain(wakeUp, wakeUps);
    if (Atomics.load(signals, endRequested) !== 0) break;
    // What was ordered before a request was made holds for it: a view that was added is there.
    const orders = Atomics.load(signals, orderCount);
    for (; ordersSeen !== orders; ordersSeen = (ordersSeen + 1) | 0) {
      const received: { readonly message: Order } | undefined = receiveMessageOnPort(port);
      if (received === undefined) break;
      obey(server, received.message);
    }
    server.expire();
    if (!hasRequest) continue;
    const count = readRequest(device, buffer);
    if (count === 'ended') break;
    if (count === undefined) continue;
    const request = decodeRequest(buffer.subarray(0, count));
    const isLast = !server.handle(request);
    if (!isReady && request.operation === 'init') {
      isReady = true;
      report({ kind: 'ready' });
    }
    if (isLast) break;
  }
  report({ kind: 'ended' });
}

function obey(server: ViewServer, order: Order): void {
  switch (order.kind) {
    case 'add view':
      return server.addView(order.name, order.contents, order.owner);
    case 'remove view':
      return server.removeView(order.name);
    case 'answer':
      return server.answer(order.id, order.answer);
    case 'progress':
      return server.prolong(order.id);
    default:
      return unreachable(order);
  }
}

/** Errors of a file system that is no longer mounted, or whose connection was ended. */
const endings: readonly string[] = ['ENODEV', 'ECONNABORTED'];

/** Undefined where there is none after all. */
function readRequest(device: number, buffer: Buffer): number | 'ended' | undefined {
  try {
    return readSync(device, buffer);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (endings.includes(errno)) return 'ended';
    // ENOENT: the request was called off while it was read.
    if (['EAGAIN', 'EINTR', 'ENOENT'].includes(errno)) return undefined;
    throw error;
  }
}

function writeReply(device: number, bytes: Uint8Array): void {
  try {
    writeSync(device, bytes);
  } catch (error) {
    // Nobody waits for it any more; that the mount has ended is met by the next read.
    if (!['ENOENT', ...endings].includes(errnoOf(error) ?? '')) throw error;
  }
}

function drain(wakeUp: number, buffer: Buffer): void {
  try {
    readSync(wakeUp, buffer);
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
  }
}

// Errors are the way in which Node says that there is nothing to read: their stacks would take longer than the reads.
Error.stackTraceLimit = 0;
// Ours: `startServing` is all that starts this.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const settings = workerData as ServingSettings;
try {
  serve(settings);
} catch (error) {
  const problem = { kind: 'failure', what: 'the file system', message: messageOf(error) } as const;
  settings.port.postMessage({ kind: 'problem', problem } satisfies Report, []);
  settings.port.postMessage({ kind: 'ended' } satisfies Report, []);
} finally {
  settings.port.close();
}
