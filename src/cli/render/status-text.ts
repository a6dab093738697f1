import type { ActivityType } from '../../base/index.ts';
import { blue, green, normal, red } from './ansi.ts';
import { formatSize, formatSizes } from './format-size.ts';
import type { ProgressState } from './progress-state.ts';

/** What the progress bar has between its brackets: `1/3/5 built, 2 copied (1.2/5.0 MiB), 0.3 MiB DL`; or nothing. */
export function statusText(state: ProgressState): string {
  const copied = counts(state, 'copyPaths');
  const copiedSize = sizes(state, 'copyPath');
  const optimised = counts(state, 'optimiseStore');
  const linked = `${formatSize(state.bytesLinked)} / ${state.filesLinked} inodes freed`;
  return [
    suffixed(counts(state, 'builds'), 'built'),
    suffixed(copied ?? (copiedSize === undefined ? undefined : { text: '0', failed: '' }), 'copied') +
      (copiedSize === undefined ? '' : ` (${suffixed(copiedSize, '')})`),
    suffixed(sizes(state, 'fileTransfer'), 'DL'),
    optimised === undefined ? '' : `${suffixed(optimised, 'paths optimised')}, ${linked}`,
    suffixed(counts(state, 'verifyPaths'), 'paths verified'),
    state.corruptedPaths === 0 ? '' : `${red}${state.corruptedPaths} corrupted${normal}`,
    state.untrustedPaths === 0 ? '' : `${red}${state.untrustedPaths} untrusted${normal}`,
  ]
    .filter(text => text !== '')
    .join(', ');
}

interface Part {
  readonly text: string;
  /** Empty if nothing failed. */
  readonly failed: string;
}

function suffixed(part: Part | undefined, what: string): string {
  if (part === undefined) return '';
  return `${part.text}${what === '' ? '' : ` ${what}`}${part.failed}`;
}

function counts(state: ProgressState, type: ActivityType): Part | undefined {
  return describe(state, type, String, numbers => ({ texts: numbers.map(String), suffix: '' }));
}

function sizes(state: ProgressState, type: ActivityType): Part | undefined {
  return describe(state, type, formatSize, formatSizes);
}

type FormatTogether = (numbers: readonly number[]) => { readonly texts: readonly string[]; readonly suffix: string };

/** `running/done/expected`, as many of them as there are; undefined if there is nothing to say. */
function describe(
  state: ProgressState,
  type: ActivityType,
  format: (number: number) => string,
  together: FormatTogether,
): Part | undefined {
  const { running, done, expected, failed } = state.totals(type);
  if (running === 0 && done === 0 && expected === 0 && failed === 0) return undefined;
  const shown: [number, string][] = [];
  if (running > 0) shown.push([running, blue]);
  shown.push([done, done > 0 || running > 0 || expected !== done ? green : '']);
  if (expected !== 0 && (running > 0 || expected !== done)) shown.push([expected, '']);
  const { texts, suffix } = together(shown.map(([number]) => number));
  const coloured = shown.map(([, colour], at) => (colour === '' ? texts[at] : `${colour}${texts[at]}${normal}`));
  return {
    text: `${coloured.join('/')}${suffix}`,
    failed: failed === 0 ? '' : ` (${red}${format(failed)} failed${normal})`,
  };
}
