import { type ByteString, bytesOf, textOf } from '../../base/index.ts';

/** A path of the operating system: text where its bytes are UTF-8, else the bytes. */
export type FsPath = string | Buffer;

/** `name` within the folder `parent`, without normalising either. */
export function joinFsPath(parent: FsPath, name: ByteString): FsPath {
  const text = textOf(name);
  if (typeof parent === 'string' && text !== undefined) return `${parent}/${text}`;
  return Buffer.concat([Buffer.from(parent), slash, bytesOf(name)]);
}

const slash = Buffer.from('/');

/** For messages: bytes that are not UTF-8 become U+FFFD. */
export function displayFsPath(path: FsPath): string {
  return typeof path === 'string' ? path : path.toString('utf8');
}
