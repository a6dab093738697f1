import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';

const ignored = (long: string, labels: readonly string[], more: Partial<Flag> = {}): Flag => ({
  long,
  labels,
  summary: 'For evaluation, which this version lacks.',
  ...more,
  apply: () => {},
});

function refuse(long: string): () => never {
  return () => {
    const message = `'--${long}' needs an evaluator, which this version of Firn lacks`;
    throw new CliError('installable/needs-evaluation', message);
  };
}

/** Flags by which installables are evaluated. Those that need the evaluator are refused, the others change nothing. */
export function evaluationFlags(): Flag[] {
  const summary = 'Not there yet.';
  return [
    { long: 'file', short: 'f', labels: ['file'], summary, apply: refuse('file') },
    { long: 'expr', labels: ['expr'], summary, apply: refuse('expr') },
    ignored('arg', ['name', 'expr']),
    ignored('argstr', ['name', 'string']),
    ignored('arg-from-file', ['name', 'path']),
    ignored('arg-from-stdin', ['name']),
    ignored('include', ['path'], { short: 'I' }),
    ignored('impure', []),
    ignored('override-flake', ['original-ref', 'resolved-ref']),
    ignored('eval-store', ['store-url']),
    ignored('debugger', []),
    ignored('recreate-lock-file', []),
    ignored('no-update-lock-file', []),
    ignored('no-write-lock-file', []),
    ignored('no-registries', []),
    ignored('commit-lock-file', []),
    ignored('update-input', ['input-path']),
    ignored('override-input', ['input-path', 'flake-url']),
    ignored('reference-lock-file', ['flake-lock-path']),
    ignored('output-lock-file', ['flake-lock-path']),
    ignored('inputs-from', ['flake-url']),
  ];
}
