import type { CallOptions } from '../../castore/index.ts';
import type { ContentDigest, ImageArchive } from './image-archive.ts';
import { findDockerImage } from './docker-archive.ts';
import { findOciImage } from './oci-layout.ts';
import type { Platform } from './platform.ts';

/** A layer of an image: a file of the archive, which may be compressed. */
export interface ImageLayer {
  readonly name: string;
  readonly digest: ContentDigest;
  /** Whether the digest is that of the file as it is in the archive, or of what it is when it is not compressed. */
  readonly digestOf: 'file' | 'contents';
}

/** The layers of the image in an archive, the lowest first. */
export type ImageLayers = readonly ImageLayer[];

export interface FindImageOptions extends CallOptions {
  readonly platform: Platform;
}

/** Of layers that an image may have: file systems stack fewer. */
export const maxLayers = 1000;

/**
 * The image for a platform. OCI's layout (`index.json`) and Docker's (`manifest.json`) are known; where an archive has
 * both, what OCI's says is taken, which names everything by digest. Throws `image/…`.
 */
export async function findImage(archive: ImageArchive, options: FindImageOptions): Promise<ImageLayers> {
  const find = archive.has('index.json') ? findOciImage : archive.has('manifest.json') ? findDockerImage : undefined;
  if (find === undefined) throw archive.malformed("neither 'index.json' nor 'manifest.json' is in it");
  const layers = await find(archive, options);
  if (layers.length > maxLayers) throw archive.unsupported(`has an image of ${layers.length} layers`);
  return layers;
}
