import { type ByteString, bytesOf } from '../../base/index.ts';
import { replyHeaderSize } from './reply.ts';
import type { NodeId } from './request.ts';

const invalidateInode = 2;
const invalidateEntry = 3;

/**
 * Tells the kernel that a name may stand for something else now (FUSE_NOTIFY_INVAL_ENTRY). Writing it waits for look-ups in
 * `parent` that are under way: never on the thread that answers them.
 */
export function entryInvalidation(parent: NodeId, name: ByteString): Buffer {
  const message = Buffer.alloc(replyHeaderSize + 16 + name.length + 1);
  message.writeUInt32LE(message.byteLength, 0);
  // In place of an error; what answers no request has no `unique`.
  message.writeInt32LE(invalidateEntry, 4);
  message.writeBigUInt64LE(BigInt(parent), replyHeaderSize);
  message.writeUInt32LE(name.length, replyHeaderSize + 8);
  message.set(bytesOf(name), replyHeaderSize + 16);
  return message;
}

/** Tells the kernel that it knows nothing of an inode's attributes and contents any more (FUSE_NOTIFY_INVAL_INODE). Waits for nobody. */
export function inodeInvalidation(nodeId: NodeId): Buffer {
  // After the inode, where contents are stale from and how far: all of them.
  const message = Buffer.alloc(replyHeaderSize + 24);
  message.writeUInt32LE(message.byteLength, 0);
  message.writeInt32LE(invalidateInode, 4);
  message.writeBigUInt64LE(BigInt(nodeId), replyHeaderSize);
  return message;
}
