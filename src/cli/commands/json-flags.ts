import type { Flag } from '../args/flag.ts';

/** `--pretty` and `--no-pretty`: whether JSON is indented. */
export function jsonFlags(use: (pretty: boolean) => void): Flag[] {
  return [
    { long: 'pretty', labels: [], summary: 'Indent JSON, as is done on a terminal.', apply: () => use(true) },
    { long: 'no-pretty', labels: [], summary: 'Print JSON on one line.', apply: () => use(false) },
  ];
}
