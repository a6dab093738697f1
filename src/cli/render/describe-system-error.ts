import { errnoOf, systemErrorText } from '../../base/index.ts';

/**
 * What a failed file-system call of a tree walk means, in C++ Nix's words, or undefined for other errors. Commands that
 * know better what they were doing throw a CliError instead.
 */
export function describeSystemError(error: unknown): string | undefined {
  const errno = errnoOf(error);
  if (errno === undefined || !(error instanceof Error)) return undefined;
  const text = systemErrorText(error);
  const path = 'path' in error ? String(error.path) : undefined;
  const call = 'syscall' in error ? String(error.syscall) : 'system call';
  if (path === undefined) return `${call}: ${text}`;
  switch (call) {
    case 'lstat':
    case 'stat':
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return `path '${path}' does not exist`;
      return `getting status of '${path}': ${text}`;
    case 'scandir':
      return `cannot read directory "${path}": ${text}`;
    case 'open':
      return `opening file '${path}': ${text}`;
    case 'readlink':
      return `reading symbolic link "${path}": ${text}`;
    default:
      return `${call} '${path}': ${text}`;
  }
}
