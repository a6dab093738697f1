import { create } from '@bufbuild/protobuf';
import { type CallOptions, type Digest, type DigestFunction, type DiskBlobStore } from '../../castore/index.ts';
import {
  type ActionResult,
  ActionResultSchema,
  NodePropertiesSchema,
  OutputDirectorySchema,
  OutputFileSchema,
  OutputSymlinkSchema,
} from '../../proto/index.ts';
import type { WantedOutputs } from './action-plan.ts';
import type { CollectedOutput } from './collect-outputs.ts';
import { ResultNames } from './result-names.ts';
import { timestampOf } from './timestamps.ts';

/** What an action left, in blobs of ours that are durable. */
export interface LeftByAction {
  readonly outputs: readonly CollectedOutput[];
  /** Absent where there was none. */
  readonly stdout: Digest | undefined;
  readonly stderr: Digest | undefined;
  readonly exitCode: number;
}

export interface ResultForm extends CallOptions {
  readonly digestFunction: DigestFunction;
  readonly outputs: WantedOutputs;
}

/**
 * The result in the digest function and the form that were asked for, without its metadata. Adds what that takes: names of
 * blobs, directories and trees. Throws `action/bad-output` for names that REAPI cannot say.
 */
export async function makeResult(store: DiskBlobStore, left: LeftByAction, form: ResultForm): Promise<ActionResult> {
  const names = new ResultNames(store, form);
  const logs = [left.stdout, left.stderr].filter(digest => digest !== undefined);
  const files = left.outputs.flatMap(output => (output.kind === 'file' ? [output.digest] : []));
  await names.nameFiles([...files, ...logs]);
  const result = create(ActionResultSchema, { exitCode: left.exitCode });
  if (left.stdout !== undefined) result.stdoutDigest = names.messageOf(left.stdout);
  if (left.stderr !== undefined) result.stderrDigest = names.messageOf(left.stderr);
  for (const output of left.outputs) {
    if (output.kind === 'file') {
      result.outputFiles.push(
        create(OutputFileSchema, {
          path: output.name,
          digest: names.messageOf(output.digest),
          isExecutable: output.executable,
          ...propertiesOf(output, form.outputs),
        }),
      );
    } else if (output.kind === 'directory') {
      const { name: path, digest } = output;
      result.outputDirectories.push(
        create(OutputDirectorySchema, { path, ...(await names.nameDirectory(output.name, digest)) }),
      );
    } else addSymlink(result, output, form.outputs);
  }
  return result;
}

function propertiesOf(output: Extract<CollectedOutput, { kind: 'file' }>, { properties }: WantedOutputs) {
  if (properties.size === 0) return {};
  const nodeProperties = create(NodePropertiesSchema, {
    mtime: properties.has('mtime') ? timestampOf(output.mtime) : undefined,
    unixMode: properties.has('unix_mode') ? output.mode : undefined,
  });
  return { nodeProperties };
}

/** Clients since 2.1 read one list, older ones two; some that write as the former still read as the latter. */
function addSymlink(
  result: ActionResult,
  { name: path, target, leadsTo }: Extract<CollectedOutput, { kind: 'symlink' }>,
  { isModern }: WantedOutputs,
): void {
  const symlink = create(OutputSymlinkSchema, { path, target });
  if (isModern) result.outputSymlinks.push(symlink);
  const older = leadsTo === 'directory' ? result.outputDirectorySymlinks : result.outputFileSymlinks;
  older.push(symlink);
}
