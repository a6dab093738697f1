import { type ByteString, brandAs, byteStringFromLatin1, bytesOf } from '../base/index.ts';
import { type Node, formatDigest, isSymlinkTarget, parseDigest } from '../castore/index.ts';

/** As root claims name the root of a tree (docs/formats/root-claims.md). */
export function formatRoot(root: Node): ByteString {
  if (root.kind === 'symlink') return brandAs<ByteString>(`link:${bytesOf(root.target).toString('base64')}`);
  const kind = root.kind === 'directory' ? 'dir' : root.executable ? 'exec' : 'file';
  return brandAs<ByteString>(`${kind}:${formatDigest(root.digest)}`);
}

/** Undefined for what is none. */
export function parseRoot(text: ByteString): Node | undefined {
  const [kind = '', rest = ''] = text.split(':', 2);
  if (kind === 'link') {
    const target = byteStringFromLatin1(Buffer.from(rest, 'base64').toString('latin1'));
    return isSymlinkTarget(target) ? { kind: 'symlink', target } : undefined;
  }
  const digest = parseDigest(rest);
  if (digest === undefined) return undefined;
  switch (kind) {
    case 'dir':
      return { kind: 'directory', digest };
    case 'file':
    case 'exec':
      return { kind: 'file', digest, executable: kind === 'exec' };
    default:
      return undefined;
  }
}
