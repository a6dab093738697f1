import { displayBytes } from '../../base/index.ts';
import type { JsonCursor } from '../../nix-compat/index.ts';
import type { ContentDigest, ImageArchive } from './image-archive.ts';
import type { FindImageOptions, ImageLayers } from './image.ts';
import { readConfig, readDigest, readPlatform } from './image-config.ts';
import { type Platform, formatPlatform, suits } from './platform.ts';

/** What names a blob (OCI image specification, descriptor). */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: ContentDigest;
  /** In an index, of images that say it there. */
  readonly platform: Platform | undefined;
}

const indexTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const manifestTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
const configTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);
const layerType =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd))?$/;

/** Indexes within indexes. */
const maxDepth = 4;

/** An image of an OCI image layout. Throws `image/…`. */
export async function findOciImage(archive: ImageArchive, options: FindImageOptions): Promise<ImageLayers> {
  const { platform, signal } = options;
  const top = await archive.json('index.json', undefined, readManifests, { signal });
  const images = new Map((await listImages(archive, top, options)).map(image => [image.digest.hash, image]));
  const found: string[] = [];
  const suitable: Descriptor[] = [];
  for (const image of images.values()) {
    const of = image.platform ?? (await platformOf(archive, image, options));
    // What is no image at all, such as a chart or what a build attests.
    if (of === undefined || of.os === 'unknown') continue;
    found.push(formatPlatform(of));
    if (suits(of, platform)) suitable.push(image);
  }
  const [image, ...others] = suitable;
  if (image === undefined) throw archive.noPlatform(formatPlatform(platform), found);
  if (others.length > 0) {
    throw archive.unsupported(`has ${suitable.length} images for ${formatPlatform(platform)}: save one alone`);
  }
  const { config, layers } = await readBlob(archive, image, readManifest, options);
  // Nothing of it is wanted, but an image without is damaged.
  await readBlob(archive, config, readConfig, options);
  return layers.map(({ mediaType, digest }) => {
    if (layerType.test(mediaType)) return { name: blobName(digest), digest, digestOf: 'file' };
    throw archive.unsupported(`has a layer of the type '${mediaType}'`);
  });
}

/** The manifests that indexes lead to, in their order. */
async function listImages(
  archive: ImageArchive,
  descriptors: readonly Descriptor[],
  options: FindImageOptions,
  depth = 0,
): Promise<Descriptor[]> {
  if (depth > maxDepth) throw archive.malformed('its indexes lie in each other too deep');
  const images: Descriptor[] = [];
  for (const descriptor of descriptors) {
    if (manifestTypes.has(descriptor.mediaType)) images.push(descriptor);
    else if (indexTypes.has(descriptor.mediaType)) {
      const inner = await readBlob(archive, descriptor, readManifests, options);
      images.push(...(await listImages(archive, inner, options, depth + 1)));
    }
  }
  return images;
}

async function platformOf(
  archive: ImageArchive,
  image: Descriptor,
  options: FindImageOptions,
): Promise<Platform | undefined> {
  const { config } = await readBlob(archive, image, readManifest, options);
  if (!configTypes.has(config.mediaType)) return undefined;
  return (await readBlob(archive, config, readConfig, options)).platform;
}

function readBlob<T>(
  archive: ImageArchive,
  { digest }: Descriptor,
  read: (json: JsonCursor) => T,
  { signal }: FindImageOptions,
): Promise<T> {
  return archive.json(blobName(digest), digest, read, { signal });
}

function blobName({ algorithm, hash }: ContentDigest): string {
  return `blobs/${algorithm}/${hash}`;
}

function readManifests(json: JsonCursor): Descriptor[] {
  return json.member('manifests').elements().map(readDescriptor);
}

function readManifest(json: JsonCursor): { readonly config: Descriptor; readonly layers: readonly Descriptor[] } {
  return {
    config: readDescriptor(json.member('config')),
    layers: json.member('layers').elements().map(readDescriptor),
  };
}

function readDescriptor(json: JsonCursor): Descriptor {
  const platform = json.optionalMember('platform');
  return {
    mediaType: displayBytes(json.member('mediaType').string()),
    digest: readDigest(json.member('digest')),
    platform: platform === undefined ? undefined : readPlatform(platform),
  };
}
