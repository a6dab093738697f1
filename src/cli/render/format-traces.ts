import type { TraceLine } from '../../base/index.ts';
import { magenta, normal } from './ansi.ts';
import { formatPosition } from './format-position.ts';

/** Lines with a position count twice. */
const shownLimit = 3;

/** Repetitions up to this many are shown all the same. */
const fewRepetitions = 5;

/**
 * What was being done when an error happened, as C++ Nix shows it: the first few lines unless all are wanted, and none
 * twice unless few are. Empty, or begins with an empty line.
 */
export function formatTraces(traces: readonly TraceLine[], showAll: boolean): string {
  const seen = new Set<string>();
  let skipped: string[] = [];
  let text = '';
  let count = 0;
  let isCut = false;
  const flush = () => {
    if (skipped.length <= fewRepetitions) text += skipped.join('');
    else text += `\n${magenta}(${skipped.length} duplicate frames omitted)${normal}\n`;
    skipped = [];
  };
  for (const trace of traces) {
    if (trace.text === '') continue;
    if (!showAll && count > shownLimit) isCut = true;
    if (isCut && !trace.always) continue;
    const shown = formatTrace(trace);
    if (seen.has(shown)) {
      skipped.push(shown);
      continue;
    }
    seen.add(shown);
    flush();
    text += shown;
    count += trace.position === undefined ? 1 : 2;
  }
  flush();
  if (isCut) {
    text += `\n${magenta}(stack trace truncated; use '--show-trace' to show the full, detailed trace)${normal}\n`;
  }
  return text;
}

function formatTrace({ text, position }: TraceLine): string {
  const place = position === undefined ? '' : `  ${formatPosition(position)}\n`;
  return `\n… ${text}\n${place}`;
}
