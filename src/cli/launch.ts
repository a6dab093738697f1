/**
 * To be called first, by the main thread of a process. Returns the name that the launcher was called by: `FIRN_ARGV0` has that
 * of the multi-call set (`nix-store`). Neither it nor what the launcher chose for this process alone (`FIRN_COMPILE_CACHE` and
 * `FIRN_GLIBC_TUNABLES` say that it did) is meant for programs that we start.
 */
export function beginProcess(): string {
  // Store objects are for everybody to read.
  process.umask(0o022);
  const program = process.env['FIRN_ARGV0'] ?? 'firn';
  delete process.env['FIRN_ARGV0'];
  if (process.env['FIRN_COMPILE_CACHE'] !== undefined) {
    delete process.env['NODE_COMPILE_CACHE'];
    delete process.env['FIRN_COMPILE_CACHE'];
  }
  if (process.env['FIRN_GLIBC_TUNABLES'] !== undefined) {
    delete process.env['GLIBC_TUNABLES'];
    delete process.env['FIRN_GLIBC_TUNABLES'];
  }
  return program;
}
