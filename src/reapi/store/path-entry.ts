import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { byteStringFromText, displayBytes, unreachable } from '../../base/index.ts';
import { type Digest, type Node, isSymlinkTarget } from '../../castore/index.ts';
import { type ActionResult, ActionResultSchema, DigestSchema } from '../../proto/index.ts';
import { messageOfOwnDigest, ownDigestOf } from '../digests/own-digest.ts';
import { ReapiError } from '../error.ts';
import { outputPath } from './entry-key.ts';

/** What the result of a path's action says. */
export interface PathEntry {
  /** Of the blob that is the narinfo. */
  readonly narInfo: Digest;
  /** Of a directory, `tree` is the blob that has it and all below it. */
  readonly root:
    | { readonly kind: 'directory'; readonly digest: Digest; readonly tree: Digest }
    | Exclude<Node, { readonly kind: 'directory' }>;
}

/** The root of a symlink must be text, as those in directories must (`checkUtf8Names`). */
export function formatPathEntry({ narInfo, root }: PathEntry): ActionResult {
  const result = create(ActionResultSchema, outputOf(root));
  result.stdoutDigest = create(DigestSchema, messageOfOwnDigest(narInfo));
  return result;
}

function outputOf(root: PathEntry['root']): MessageInitShape<typeof ActionResultSchema> {
  const path = outputPath;
  switch (root.kind) {
    case 'directory': {
      const digests = {
        treeDigest: messageOfOwnDigest(root.tree),
        rootDirectoryDigest: messageOfOwnDigest(root.digest),
      };
      return { outputDirectories: [{ path, isTopologicallySorted: true, ...digests }] };
    }
    case 'file':
      return { outputFiles: [{ path, digest: messageOfOwnDigest(root.digest), isExecutable: root.executable }] };
    case 'symlink':
      return { outputSymlinks: [{ path, target: displayBytes(root.target) }] };
    default:
      return unreachable(root);
  }
}

/** Throws `entry/malformed`, `digest/malformed`. */
export function parsePathEntry(result: ActionResult): PathEntry {
  const { outputDirectories, outputFiles, outputSymlinks } = result;
  const narInfo = ownDigestOf(result.stdoutDigest, 'stdout_digest');
  const [directory, file, symlink] = [outputDirectories[0], outputFiles[0], outputSymlinks[0]];
  const outputs = [...outputDirectories, ...outputFiles, ...outputSymlinks];
  if (outputs.length !== 1 || outputs[0]?.path !== outputPath) {
    throw new ReapiError('entry/malformed', `another output than '${outputPath}', or not exactly one`);
  }
  if (directory !== undefined) {
    const digest = ownDigestOf(directory.rootDirectoryDigest, 'root_directory_digest');
    return { narInfo, root: { kind: 'directory', digest, tree: ownDigestOf(directory.treeDigest, 'tree_digest') } };
  }
  if (file !== undefined) {
    const digest = ownDigestOf(file.digest, 'output_files');
    return { narInfo, root: { kind: 'file', digest, executable: file.isExecutable } };
  }
  const target = byteStringFromText(symlink?.target ?? '');
  if (!isSymlinkTarget(target)) throw new ReapiError('entry/malformed', 'a symlink without a target');
  return { narInfo, root: { kind: 'symlink', target } };
}
