import {
  type CallOptions,
  DiskBlobStore,
  type FsPath,
  type Node,
  type SpecialEntry,
  importLayers,
} from '../../castore/index.ts';
import { decompress } from '../binary-cache/decompress.ts';
import { ImageArchive } from './image-archive.ts';
import { type ImageLayer, findImage } from './image.ts';
import { type Platform, thisPlatform } from './platform.ts';

/** The root file system of an image. Disposing of it gives up its blobs. */
export interface UnpackedImage extends AsyncDisposable {
  readonly blobs: DiskBlobStore;
  readonly root: Node;
}

export interface UnpackImageOptions extends CallOptions {
  /** This machine's unless given. */
  readonly platform?: Platform | undefined;
  /** Is told of devices and FIFOs, which no tree holds and which are left out. */
  readonly onSpecial?: (special: SpecialEntry) => void;
}

/**
 * Unpacks the image in an archive, as `skopeo copy … oci-archive:FILE` and `docker save` write it, into a castore of its
 * own in `folder`, which is made. Layers lie upon each other as `importLayers` says; each is read when its digest was found
 * right. Owners, times, and of modes all but who may execute, are not kept. Throws `image/…`, `archive/…`, `cache/codec-failed`.
 */
export async function unpackImage(
  path: FsPath,
  folder: string,
  { platform = thisPlatform(), onSpecial, signal }: UnpackImageOptions = {},
): Promise<UnpackedImage> {
  await using archive = await ImageArchive.open(path, { signal });
  const layers = await findImage(archive, { platform, signal });
  await using stack = new AsyncDisposableStack();
  const blobs = stack.use(new DiskBlobStore(folder));
  let root: Node;
  {
    await using batch = blobs.batch();
    const special = onSpecial === undefined ? {} : { onSpecial };
    root = await importLayers(readLayers(archive, layers, { signal }), batch, { signal, ...special });
    await batch.commit();
  }
  const resources = stack.move();
  return { blobs, root, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function* readLayers(archive: ImageArchive, layers: readonly ImageLayer[], options: CallOptions) {
  for (const { name, digest, digestOf } of layers) {
    const contents = () => decompress(archive.contents(name, options), undefined, options);
    await archive.verify(name, digest, digestOf === 'file' ? archive.contents(name, options) : contents());
    yield contents();
  }
}
