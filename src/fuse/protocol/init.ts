import { FuseError } from '../error.ts';

/** Bits by which kernel and file system agree on what the other may do (`FUSE_…` of `struct fuse_init_in`). */
export const features = {
  /** Several reads of a file at a time. */
  asyncRead: 1n << 0n,
  /** What is cached of a file or folder is dropped when its time of change has become another. */
  autoInvalidateData: 1n << 12n,
  readdirplus: 1n << 13n,
  /** Readdirplus at the beginning of a folder, and further only where somebody looks at what was listed. */
  readdirplusAuto: 1n << 14n,
  /** Open may be answered with ENOSYS: from then on files are opened without asking. */
  noOpen: 1n << 17n,
  /** Look-ups in one folder at a time, so that one that waits keeps nobody from it. */
  parallelDirectoryOperations: 1n << 18n,
  maxPages: 1n << 22n,
  cacheSymlinks: 1n << 23n,
  noOpendir: 1n << 24n,
  /** There are bits above 32. */
  extended: 1n << 30n,
} as const;

/** The version that answers are written in. */
const major = 7;
const minor = 38;

/** Since this one the answer has its present length. */
const oldestMinor = 23;

const wanted =
  features.asyncRead |
  features.autoInvalidateData |
  features.readdirplus |
  features.readdirplusAuto |
  features.noOpen |
  features.parallelDirectoryOperations |
  features.maxPages |
  features.cacheSymlinks |
  features.noOpendir |
  features.extended;

/** In bytes: what the kernel may ask for in one read, which it bounds itself by `fs.fuse.max_pages_limit`. */
export const maxReadSize = 1024 * 1024;

const pageSize = 4096;

/** In bytes: the least that is allowed; nobody writes. */
const maxWriteSize = 4096;

/**
 * Reads ahead that are under way at a time: so many may wait for what has to be fetched before one of what is here waits behind
 * them.
 */
const maxBackground = 1024;
const congestionThreshold = 768;

export interface Negotiated {
  /** Those that both have. */
  readonly features: bigint;
  /** The body of the answer, `struct fuse_init_out`. */
  readonly answer: Buffer;
}

export interface KernelTraits {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  readonly features: bigint;
}

/** What kernel and file system can both do. Throws `fuse/unsupported` for kernels that are too old (Linux 4.20 has all). */
export function negotiate(kernel: KernelTraits): Negotiated {
  if (kernel.major < major || (kernel.major === major && kernel.minor < oldestMinor)) {
    const versions = `${kernel.major}.${kernel.minor}, where ${major}.${oldestMinor} is needed`;
    throw new FuseError('fuse/unsupported', `the kernel's FUSE protocol is ${versions}: use a newer Linux`);
  }
  const common = kernel.features & wanted;
  const answer = Buffer.alloc(64);
  answer.writeUInt32LE(major, 0);
  // A newer kernel reads answers of older versions.
  answer.writeUInt32LE(minor, 4);
  answer.writeUInt32LE(Math.min(kernel.maxReadahead, maxReadSize), 8);
  answer.writeUInt32LE(Number(common & 0xffffffffn), 12);
  answer.writeUInt16LE(maxBackground, 16);
  answer.writeUInt16LE(congestionThreshold, 18);
  answer.writeUInt32LE(maxWriteSize, 20);
  // Times are whole seconds, but one in nanoseconds is asked for by nobody less.
  answer.writeUInt32LE(1, 24);
  answer.writeUInt16LE(maxReadSize / pageSize, 28);
  answer.writeUInt32LE(Number(common >> 32n), 32);
  return { features: common, answer };
}
