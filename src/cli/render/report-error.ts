import { FirnError, messageOf } from '../../base/index.ts';
import { formatSuggestions } from '../args/suggestions.ts';
import { CliError } from '../error.ts';
import { magenta, normal, red } from './ansi.ts';
import { describeSystemError } from './describe-system-error.ts';
import type { Logger } from './logger.ts';
import { tracesOf } from './trace.ts';

const indent = ' '.repeat('error: '.length);

/** Says on standard error what was thrown; the exit status is 1. `program` is the name that usage is asked of. */
export function reportError(log: Logger, error: unknown, program: string): void {
  if (error instanceof CliError && error.code === 'output/closed') return;
  const message = describe(error);
  log.log('error', formatError(message, error), {
    raw_msg: message,
    line: null,
    column: null,
    file: null,
  });
  if (isUsageError(error)) log.log('error', `Try '${program} --help' for more information.`);
}

function describe(error: unknown): string {
  const system = describeSystemError(error);
  if (system !== undefined) return system;
  if (error instanceof FirnError || !(error instanceof Error)) return messageOf(error);
  // Everything thrown on purpose is one of the above.
  return `this is a bug in Firn: ${error.stack ?? error.message}`;
}

/** In C++ Nix's layout: the message after a prefix in red, all lines but the first indented by the prefix's length. */
function formatError(message: string, error: unknown): string {
  const prefix = `${red}error:${normal}`;
  const traces = tracesOf(error).map(trace => `\n… ${trace}\n`);
  const suggestions = error instanceof CliError ? error.suggestions : [];
  const coloured = suggestions.map(name => `${magenta}${name}${normal}`);
  const hint = coloured.length === 0 ? '' : `\nDid you mean ${formatSuggestions(coloured)}?`;
  const body = traces.length === 0 ? message : `${traces.join('')}\n${prefix} ${message}`;
  return `${prefix} ${body}${hint}`
    .split('\n')
    .map((line, at) => (at === 0 ? line : indent + line).trimEnd())
    .join('\n');
}

const usageCodes: ReadonlySet<string> = new Set([
  'config/bad-value',
  'config/syntax',
  'hash/unknown-algorithm',
  'hash/unknown-format',
]);

/** Whether it is the command line or the configuration that should be changed. */
function isUsageError(error: unknown): boolean {
  const code: unknown = error instanceof FirnError ? error.code : undefined;
  return typeof code === 'string' && (code.startsWith('usage/') || usageCodes.has(code));
}
