/**
 * The name that the launcher was called by: `FIRN_ARGV0` has that of the multi-call set (`nix-store`). Neither it nor the
 * compile cache that the launcher chose (`FIRN_COMPILE_CACHE`) is meant for programs that we start.
 */
export function takeProgramName(): string {
  const program = process.env['FIRN_ARGV0'] ?? 'firn';
  delete process.env['FIRN_ARGV0'];
  if (process.env['FIRN_COMPILE_CACHE'] !== undefined) {
    delete process.env['NODE_COMPILE_CACHE'];
    delete process.env['FIRN_COMPILE_CACHE'];
  }
  return program;
}
