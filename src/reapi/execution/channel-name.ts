import { digestOf } from '../../castore/index.ts';

/**
 * What actions call the channel that `key` opens: the key's SHA-256, in base16. Whoever reads the action, which others of the
 * instance can, has not its channel by that.
 */
export function channelName(key: string): string {
  return digestOf(Buffer.from(key)).hash;
}
