import { FirnError, LocatedError, formatSuggestions, messageOf } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { magenta, normal, red } from './ansi.ts';
import { describeSystemError } from './describe-system-error.ts';
import { formatPosition } from './format-position.ts';
import { formatTraces } from './format-traces.ts';
import type { ShownError } from './log-view.ts';
import { tracesOf } from './trace.ts';

const indent = ' '.repeat('error: '.length);

/**
 * In C++ Nix's layout: the message after a prefix in red, all lines but the first indented by the prefix's length. With
 * `showTrace` a trace is not cut short.
 */
export function formatError(error: unknown, showTrace = false): ShownError {
  const message = describe(error);
  const place =
    error instanceof LocatedError && error.position !== undefined ? `\n${formatPosition(error.position)}` : '';
  const prefix = `${red}error:${normal}`;
  const own = error instanceof LocatedError ? error.traces : [];
  const added = tracesOf(error).map(text => ({ text, position: undefined, always: false }));
  const traces = formatTraces([...added, ...own], showTrace);
  const suggestions = error instanceof CliError || error instanceof LocatedError ? error.suggestions : [];
  const coloured = suggestions.map(name => `${magenta}${name}${normal}`);
  const hint = coloured.length === 0 ? '' : `\nDid you mean ${formatSuggestions(coloured)}?`;
  const body = traces === '' ? message : `${traces}\n${prefix} ${message}`;
  const text = `${prefix} ${body}${place}${hint}`
    .split('\n')
    .map((line, at) => (at === 0 ? line : indent + line).trimEnd())
    .join('\n');
  return { text, message };
}

function describe(error: unknown): string {
  const system = describeSystemError(error);
  if (system !== undefined) return system;
  if (error instanceof FirnError || !(error instanceof Error)) return messageOf(error);
  // Everything thrown on purpose is one of the above.
  return `this is a bug in Firn: ${error.stack ?? error.message}`;
}
