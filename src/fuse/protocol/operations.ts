/** Numbers of the requests that are answered, as linux/fuse.h has them (`enum fuse_opcode`). */
export const operations = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  readlink: 5,
  open: 14,
  read: 15,
  statfs: 17,
  release: 18,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  interrupt: 36,
  destroy: 38,
  notifyReply: 41,
  batchForget: 42,
  readdirplus: 44,
} as const;

export type OperationName = keyof typeof operations;

const names = new Map<number, string>(Object.entries(operations).map(([name, number]) => [number, name]));

/** Undefined for those that are refused. */
export function operationNamed(number: number): OperationName | undefined {
  const name = names.get(number);
  return name !== undefined && isOperation(name) ? name : undefined;
}

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

/** Numbers of those that would change something. */
export const writingOperations = {
  setattr: 4,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  write: 16,
  setxattr: 21,
  removexattr: 24,
  create: 35,
  fallocate: 43,
  rename2: 45,
  copyFileRange: 47,
  tmpfile: 51,
} as const;

const writing: ReadonlySet<number> = new Set(Object.values(writingOperations));

const ioctl = 39;

/**
 * How a request is refused. What is ENOSYS the kernel does without, and mostly never asks for again: it checks permissions
 * itself (access), knows of no extended attributes, takes all of a file to be data (lseek), keeps locks itself.
 */
export function refusalOf(number: number): 'EROFS' | 'ENOTTY' | 'ENOSYS' {
  if (writing.has(number)) return 'EROFS';
  return number === ioctl ? 'ENOTTY' : 'ENOSYS';
}
