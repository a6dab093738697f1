import type { DigestFunction, ForeignDigest } from '../../castore/index.ts';
import type { ActionResult } from '../../proto/index.ts';
import { digestOfMessage } from '../digests/digest-message.ts';

/** What a result of an action names, in the request's digest function. */
export interface NamedBlobs {
  /** Output files, standard output and standard error. */
  readonly files: readonly ForeignDigest[];
  /** `Tree` messages, which name files. */
  readonly trees: readonly ForeignDigest[];
  /** Roots of `Directory` messages, which name files and further ones. */
  readonly directories: readonly ForeignDigest[];
}

/** Throws `digest/malformed`, naming the output. */
export function blobsNamedBy(result: ActionResult, digestFunction: DigestFunction): NamedBlobs {
  const files = result.outputFiles.map(({ path, digest }) =>
    digestOfMessage(digest, digestFunction, `the digest of the output '${path}'`),
  );
  for (const [name, digest] of [
    ['standard output', result.stdoutDigest],
    ['standard error', result.stderrDigest],
  ] as const)
    if (digest !== undefined) files.push(digestOfMessage(digest, digestFunction, `the digest of ${name}`));
  const trees: ForeignDigest[] = [];
  const directories: ForeignDigest[] = [];
  for (const { path, treeDigest, rootDirectoryDigest } of result.outputDirectories) {
    const what = `the digest of the output directory '${path}'`;
    if (rootDirectoryDigest !== undefined) directories.push(digestOfMessage(rootDirectoryDigest, digestFunction, what));
    if (treeDigest !== undefined || rootDirectoryDigest === undefined)
      trees.push(digestOfMessage(treeDigest, digestFunction, what));
  }
  return { files, trees, directories };
}
