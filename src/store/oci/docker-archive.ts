import { displayBytes } from '../../base/index.ts';
import type { JsonCursor } from '../../nix-compat/index.ts';
import type { ContentDigest, ImageArchive } from './image-archive.ts';
import type { FindImageOptions, ImageLayers } from './image.ts';
import { readConfig } from './image-config.ts';
import { formatPlatform, suits } from './platform.ts';

interface DockerImage {
  readonly config: string;
  readonly layers: readonly string[];
}

/**
 * An image of an archive of `docker save`. Files are named there as their writer likes; the layers have to be what the
 * configuration says, and that to have the digest that its name is, if it is one. Throws `image/…`.
 */
export async function findDockerImage(archive: ImageArchive, options: FindImageOptions): Promise<ImageLayers> {
  const { platform, signal } = options;
  const images = new Map<string, DockerImage>();
  for (const image of await archive.json('manifest.json', undefined, readImages, { signal }))
    images.set(image.config, image);
  const found: string[] = [];
  const suitable: ImageLayers[] = [];
  for (const { config: name, layers } of images.values()) {
    const config = await archive.json(name, digestIn(name), readConfig, { signal });
    found.push(formatPlatform(config.platform));
    if (!suits(config.platform, platform)) continue;
    if (layers.length !== config.contents.length) {
      throw archive.malformed(`'${name}' speaks of ${config.contents.length} layers, and there are ${layers.length}`);
    }
    suitable.push(
      config.contents.map((digest, at) => ({ name: layers[at] ?? '', digest, digestOf: 'contents' as const })),
    );
  }
  const [image, ...others] = suitable;
  if (image === undefined) throw archive.noPlatform(formatPlatform(platform), found);
  if (others.length > 0) {
    throw archive.unsupported(`has ${suitable.length} images for ${formatPlatform(platform)}: save one alone`);
  }
  return image;
}

function readImages(json: JsonCursor): DockerImage[] {
  return json.elements().map(image => ({
    config: displayBytes(image.member('Config').string()),
    layers: image.member('Layers').strings().map(displayBytes),
  }));
}

/** Of a configuration, by its name: `HASH.json`, `sha256:HASH`, `blobs/sha256/HASH`. */
function digestIn(name: string): ContentDigest | undefined {
  const [, hash] = /(?:^|[/:])([0-9a-f]{64})(?:\.json)?$/.exec(name) ?? [];
  return hash === undefined ? undefined : { algorithm: 'sha256', hash };
}
