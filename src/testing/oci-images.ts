import { createHash } from 'node:crypto';
import { type TarPiece, tarArchive } from './tar-archive.ts';

export interface OciImage {
  /** Tar archives, compressed or not, with their media types. */
  readonly layers: readonly { readonly type: string; readonly bytes: Uint8Array }[];
  readonly architecture?: string;
  /** Whether only the configuration says what it is for. */
  readonly isSilent?: boolean;
}

export const layerType = 'application/vnd.oci.image.layer.v1.tar';

/** Node's name of this machine's processor, as images have it. */
export const imageArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** The pieces of an OCI image layout of some images, in a nested index if so wanted. */
export function ociLayout(images: readonly OciImage[], { isNested = false } = {}): TarPiece[] {
  const blobs = new Map<string, Uint8Array>();
  const add = (mediaType: string, bytes: Uint8Array, more: object = {}) => {
    const hash = sha256(bytes);
    blobs.set(hash, bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.byteLength, ...more };
  };
  const manifests = images.map(({ layers, architecture = imageArchitecture, isSilent = false }) => {
    const platform = { os: 'linux', architecture };
    const config = add(
      'application/vnd.oci.image.config.v1+json',
      json({ ...platform, rootfs: { type: 'layers', diff_ids: [] } }),
    );
    const described = layers.map(({ type, bytes }) => add(type, bytes));
    const manifest = json({ schemaVersion: 2, config, layers: described });
    return add('application/vnd.oci.image.manifest.v1+json', manifest, isSilent ? {} : { platform });
  });
  const index = json({ schemaVersion: 2, manifests });
  const top = isNested ? json({ manifests: [add('application/vnd.oci.image.index.v1+json', index)] }) : index;
  return [
    { path: 'oci-layout', contents: json({ imageLayoutVersion: '1.0.0' }) },
    ...[...blobs].map(([hash, contents]): TarPiece => ({ path: `blobs/sha256/${hash}`, contents })),
    { path: 'index.json', contents: top },
  ];
}

/** The pieces of what `docker save` writes, as it did before it wrote OCI's layout, too: equal layers are links. */
export function dockerLayout(
  layers: readonly Uint8Array[],
  changes: { readonly architecture?: string } = {},
): TarPiece[] {
  const { architecture = imageArchitecture } = changes;
  const diffIds = layers.map(bytes => `sha256:${sha256(bytes)}`);
  const config = json({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: diffIds } });
  const name = `${sha256(config)}.json`;
  const places = new Map<string, string>();
  const files = layers.map((contents, at): TarPiece => {
    const path = `${at}/layer.tar`;
    const before = places.get(sha256(contents));
    if (before !== undefined) return { path, type: '2', linkPath: `../${before}` };
    places.set(sha256(contents), path);
    return { path, contents };
  });
  const manifest = json([
    { Config: name, RepoTags: ['test:latest'], Layers: layers.map((_, at) => `${at}/layer.tar`) },
  ]);
  return [...files, { path: name, contents: config }, { path: 'manifest.json', contents: manifest }];
}

/** An image archive of one layer. */
export function imageOf(pieces: readonly TarPiece[]): Buffer {
  return tarArchive(ociLayout([{ layers: [{ type: layerType, bytes: tarArchive(pieces) }] }]));
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
