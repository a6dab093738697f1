import { FirnError } from '../../base/index.ts';
import type { Logger } from './logger.ts';

/** Says on standard error what ended the command. `program` is the name that usage is asked of. */
export function reportError(log: Logger, error: unknown, program: string): void {
  log.logError(error);
  if (isUsageError(error)) log.log('error', `Try '${program} --help' for more information.`);
}

const usageCodes: ReadonlySet<string> = new Set([
  'config/bad-value',
  'config/syntax',
  'hash/unknown-algorithm',
  'hash/unknown-format',
  'store-reference/malformed',
  'store-uri/malformed',
]);

/** Whether it is the command line or the configuration that should be changed. */
function isUsageError(error: unknown): boolean {
  const code: unknown = error instanceof FirnError ? error.code : undefined;
  return typeof code === 'string' && (code.startsWith('usage/') || usageCodes.has(code));
}
