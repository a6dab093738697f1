/** How NARs are served, as narinfos call it: whoever asks chooses by the name of the file. */
export const narCompressions = { none: '', zstd: '.zst', xz: '.xz', gzip: '.gz' } as const;

export type NarCompression = keyof typeof narCompressions;

/** By what follows `.nar` in a file's name; undefined for what is not served. */
export function compressionOfFile(suffix: string): NarCompression | undefined {
  return isSuffix(suffix) ? bySuffix[suffix] : undefined;
}

const bySuffix = { '': 'none', '.zst': 'zstd', '.xz': 'xz', '.gz': 'gzip' } as const;

function isSuffix(suffix: string): suffix is keyof typeof bySuffix {
  return Object.hasOwn(bySuffix, suffix);
}
