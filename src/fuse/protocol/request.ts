import { type ByteString, brandAs, unreachable } from '../../base/index.ts';
import { FuseError } from '../error.ts';
import { type OperationName, operationNamed, refusalOf } from './operations.ts';

/** Numbers inodes, as the file system has given them; below 2^53. The root is `rootId`. */
export type NodeId = number;

export const rootId: NodeId = 1;

/** In bytes, of `struct fuse_in_header`. */
export const requestHeaderSize = 40;

/** Of a name, in bytes: the kernel's FUSE_NAME_MAX. */
export const maxNameLength = 1024;

/** What every request says. */
interface Head {
  /** Names the request until it is answered; the answer bears it. */
  readonly unique: number;
  readonly nodeId: NodeId;
}

interface InitRequest extends Head {
  readonly operation: 'init';
  readonly major: number;
  readonly minor: number;
  /** In bytes. */
  readonly maxReadahead: number;
  /** Bits of `features` (init.ts), those above 32 included. */
  readonly features: bigint;
}

interface LookupRequest extends Head {
  readonly operation: 'lookup';
  readonly name: ByteString;
}

interface ReadRequest extends Head {
  /** Of directories, `offset` is what the entry before bears, 0 at the beginning. `size` bounds the answer, in bytes. */
  readonly operation: 'read' | 'readdir' | 'readdirplus';
  readonly offset: number;
  readonly size: number;
}

interface ForgetRequest extends Head {
  readonly operation: 'forget' | 'batchForget';
  readonly forgotten: readonly Forgotten[];
}

/** An inode that the kernel has let go as often as `lookups` says, of the times that it was told of it. */
export interface Forgotten {
  readonly nodeId: NodeId;
  readonly lookups: number;
}

interface InterruptRequest extends Head {
  readonly operation: 'interrupt';
  /** The `unique` of the request that nobody waits for any more. */
  readonly interrupted: number;
}

/** Of an inode, and nothing else. */
interface InodeRequest extends Head {
  readonly operation: 'getattr' | 'readlink';
}

/** What needs no inode. */
interface BareRequest extends Head {
  readonly operation: Extract<
    OperationName,
    'open' | 'opendir' | 'release' | 'releasedir' | 'statfs' | 'destroy' | 'notifyReply'
  >;
}

/** What is done by nobody here. */
interface RefusedRequest extends Head {
  readonly operation: 'refused';
  readonly error: ReturnType<typeof refusalOf>;
}

export type FuseRequest =
  | InitRequest
  | LookupRequest
  | ReadRequest
  | ForgetRequest
  | InterruptRequest
  | InodeRequest
  | BareRequest
  | RefusedRequest;

/**
 * The request that `bytes` are, all of them: what one read of /dev/fuse gave. Of those that are refused or need nothing but
 * their inode, only the head is looked at. Throws `fuse/malformed` with the offset.
 */
export function decodeRequest(bytes: Buffer): FuseRequest {
  const length = bytes.byteLength;
  if (length < requestHeaderSize) throw malformed(`${length} bytes`, 0);
  if (bytes.readUInt32LE(0) !== length) throw malformed(`a length of ${bytes.readUInt32LE(0)} for ${length} bytes`, 0);
  const number = bytes.readUInt32LE(4);
  const unique = readNumber(bytes, 8);
  const nodeId = readNumber(bytes, 16);
  const operation = operationNamed(number);
  switch (operation) {
    case undefined:
      return { operation: 'refused', error: refusalOf(number), unique, nodeId };
    case 'lookup':
      return { operation, unique, nodeId, name: readName(bytes, requestHeaderSize) };
    case 'read':
    case 'readdir':
    case 'readdirplus':
      need(bytes, 40);
      // Before them, the handle.
      return { operation, unique, nodeId, offset: readNumber(bytes, 48), size: bytes.readUInt32LE(56) };
    case 'forget':
      need(bytes, 8);
      return { operation, unique, nodeId, forgotten: [{ nodeId, lookups: readNumber(bytes, 40) }] };
    case 'batchForget':
      return { operation, unique, nodeId, forgotten: readForgotten(bytes) };
    case 'interrupt':
      need(bytes, 8);
      return { operation, unique, nodeId, interrupted: readNumber(bytes, 40) };
    case 'init':
      return readInit(bytes, { unique, nodeId });
    case 'getattr':
    case 'readlink':
    case 'open':
    case 'opendir':
    case 'release':
    case 'releasedir':
    case 'statfs':
    case 'destroy':
    case 'notifyReply':
      return { operation, unique, nodeId };
    default:
      return unreachable(operation);
  }
}

function readInit(bytes: Buffer, head: Head): InitRequest {
  need(bytes, 16);
  const [major, minor] = [bytes.readUInt32LE(40), bytes.readUInt32LE(44)];
  const low = BigInt(bytes.readUInt32LE(52));
  // Since 7.36; before, nothing follows.
  const high = bytes.byteLength >= requestHeaderSize + 20 ? BigInt(bytes.readUInt32LE(56)) : 0n;
  return {
    operation: 'init',
    ...head,
    major,
    minor,
    maxReadahead: bytes.readUInt32LE(48),
    features: low | (high << 32n),
  };
}

function readForgotten(bytes: Buffer): Forgotten[] {
  need(bytes, 8);
  const count = bytes.readUInt32LE(40);
  need(bytes, 8 + count * 16);
  return Array.from({ length: count }, (_, i) => ({
    nodeId: readNumber(bytes, 48 + i * 16),
    lookups: readNumber(bytes, 56 + i * 16),
  }));
}

/** A name that ends with a NUL, which is the last byte of the request. */
function readName(bytes: Buffer, start: number): ByteString {
  const end = bytes.indexOf(0, start);
  if (end < 0) throw malformed('a name that does not end', start);
  if (end - start > maxNameLength) throw malformed(`a name of ${end - start} bytes`, start);
  return brandAs<ByteString>(bytes.toString('latin1', start, end));
}

function readNumber(bytes: Buffer, at: number): number {
  const number = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
  if (!Number.isSafeInteger(number)) throw malformed('a number beyond 2^53', at);
  return number;
}

function need(bytes: Buffer, size: number): void {
  const needed = requestHeaderSize + size;
  if (bytes.byteLength < needed) throw malformed(`${bytes.byteLength} bytes where ${needed} are needed`, 0);
}

function malformed(what: string, offset: number): FuseError {
  return new FuseError('fuse/malformed', `no request of the kernel: ${what} (at byte ${offset})`);
}
