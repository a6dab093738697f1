import type { DigestFunction } from '../../castore/index.ts';
import type { ActionResult } from '../../proto/index.ts';
import { digestOfMessage } from '../../reapi/index.ts';
import type { ServedBlobs } from './served-blobs.ts';

/** What of a result a client wants to have within it. */
export interface InlineRequest {
  readonly inlineStdout: boolean;
  readonly inlineStderr: boolean;
  readonly inlineOutputFiles: readonly string[];
}

export interface InlineOptions {
  readonly blobs: ServedBlobs;
  readonly digestFunction: DigestFunction;
  readonly signal: AbortSignal;
}

/** In bytes, of all contents of one result: messages of 4 MiB have room for it. What does not fit is left out. */
const maxInlined = 1024 * 1024;

/** The result with the contents that were asked for, as far as there is room. */
export async function inlineContents(
  result: ActionResult,
  { inlineStdout, inlineStderr, inlineOutputFiles }: InlineRequest,
  { blobs, digestFunction, signal }: InlineOptions,
): Promise<ActionResult> {
  if (!inlineStdout && !inlineStderr && inlineOutputFiles.length === 0) return result;
  let left = maxInlined;
  const read = async (digest: ActionResult['stdoutDigest'], known: Uint8Array) => {
    if (digest === undefined || known.byteLength > 0 || digest.sizeBytes > BigInt(left)) return known;
    const named = digestOfMessage(digest, digestFunction, 'a digest of the result');
    const bytes = await blobs.get(named, { limit: maxInlined, signal });
    left -= bytes?.byteLength ?? 0;
    return bytes ?? known;
  };
  const inlined = { ...result };
  if (inlineStdout) inlined.stdoutRaw = await read(result.stdoutDigest, result.stdoutRaw);
  if (inlineStderr) inlined.stderrRaw = await read(result.stderrDigest, result.stderrRaw);
  const wanted = new Set(inlineOutputFiles);
  inlined.outputFiles = [];
  for (const file of result.outputFiles) {
    const contents = wanted.has(file.path) ? await read(file.digest, file.contents) : file.contents;
    inlined.outputFiles.push({ ...file, contents });
  }
  return inlined;
}
