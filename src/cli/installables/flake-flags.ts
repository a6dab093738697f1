import { completePath } from '../args/complete-path.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';

/** Flags by which flakes are locked, which this version does not evaluate: they change nothing. */
export function flakeFlags({ log }: CommandContext): Flag[] {
  const deprecated = (long: string, labels: readonly string[], warning: string): Flag =>
    ignored(long, labels, { apply: () => log.warn(warning) });
  const willBeRemoved = 'is deprecated and will be removed in a future version';
  return [
    deprecated('recreate-lock-file', [], `'--recreate-lock-file' ${willBeRemoved}; use 'nix flake update' instead.`),
    ignored('no-update-lock-file', []),
    ignored('no-write-lock-file', []),
    deprecated('no-registries', [], "'--no-registries' is deprecated; use '--no-use-registries'"),
    ignored('commit-lock-file', []),
    deprecated(
      'update-input',
      ['input-path'],
      "'--update-input' is a deprecated alias for 'flake update' and will be removed in a future version.",
    ),
    ignored('override-input', ['input-path', 'flake-url']),
    ignored('reference-lock-file', ['flake-lock-path'], { complete: completePath }),
    ignored('output-lock-file', ['flake-lock-path']),
    ignored('inputs-from', ['flake-url']),
  ];
}

function ignored(long: string, labels: readonly string[], more: Partial<Flag> = {}): Flag {
  return {
    long,
    labels,
    summary: 'Changes nothing as long as there are no flakes.',
    apply: () => {},
    ...more,
  };
}
