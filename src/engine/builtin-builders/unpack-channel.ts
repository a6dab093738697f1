import { createReadStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { brandAs, displayBytes } from '../../base/index.ts';
import type { ByteString } from '../../base/index.ts';
import { checkoutTree, joinFsPath } from '../../castore/index.ts';
import { unpackArchive } from '../../store/index.ts';
import { EngineError } from '../error.ts';
import type { BuiltinBuild } from './builtin-builder.ts';
import { requireOut, requireVariable } from './derivation-variable.ts';

/** `builtin:unpack-channel`: the folder in the archive `src`, under the name `channelName`. */
export async function unpackChannel(build: BuiltinBuild): Promise<void> {
  const { signal, view, temporaryFolder } = build;
  const out = requireOut(build);
  const name = requireVariable(build, 'channelName');
  const src = requireVariable(build, 'src');
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    const message = `channelName is not allowed to contain filesystem separators, got ${displayBytes(name)}`;
    throw new EngineError('builtin/bad-attribute', message);
  }
  mkdirSync(out, { mode: 0o755, recursive: true });
  const archive = createReadStream(view.place(view.follow(src)), { highWaterMark: 256 * 1024, signal });
  await using unpacked = await unpackArchive(archive, join(temporaryFolder, 'unpacked'), { signal });
  const [folder, ...others] = unpacked.entries;
  const shown = `channel tarball '${displayBytes(src)}'`;
  if (folder === undefined) throw new EngineError('builtin/bad-channel', `${shown} is empty`);
  if (others.length > 0) throw new EngineError('builtin/bad-channel', `${shown} contains more than one file`);
  await checkoutTree(unpacked.blobs, folder.node, joinFsPath(out, brandAs<ByteString>(name)), { signal });
}
