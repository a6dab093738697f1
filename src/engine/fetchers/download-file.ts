import { createWriteStream, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { byteStringFromText } from '../../base/index.ts';
import { EvalError, type FetchedTree } from '../../eval/index.ts';
import { type DownloadOptions, openDownload } from '../../store/index.ts';

/** A file with what is at a URL, in a new folder below `folder` that whoever owns that removes. */
export async function downloadFile(url: string, folder: string, options: DownloadOptions): Promise<FetchedTree> {
  if (!URL.canParse(url)) throw new EvalError('eval/error', `'${url}' is not a valid URL`);
  const body = await openDownload(new URL(url), options);
  mkdirSync(folder, { recursive: true });
  const path = join(mkdtempSync(join(folder, 'download-')), 'file');
  await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal: options.signal });
  return { path: byteStringFromText(path), attributes: new Map([['url', url]]) };
}
