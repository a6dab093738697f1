export { blue, bold, faint, green, magenta, normal, red } from '../../base/index.ts';

/** Moves to the start of the line and empties it. */
export const eraseLine = '\r\u001b[K';
/** Empties the rest of the line and all below it. */
export const eraseBelow = '\u001b[J';

// CSI sequences, OSC sequences up to BEL or ST, and two-byte escapes.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]?|\][^\u0007\u001b]*(?:\u0007|\u001b\\?)?|[@-_]?)/g;
const colours = /^\u001b\[[0-?]*[ -/]*m$/;
const inert = /[\r\u0007]/g;

/**
 * `text` without what could drive a terminal: escape sequences (with `keepColours`, all but those that set colours),
 * carriage returns and bells go, tabs become spaces up to the next multiple of eight.
 */
export function filterEscapes(text: string, keepColours: boolean): string {
  if (!/[\u001b\t\r\u0007]/.test(text)) return text;
  const filtered = text
    .replaceAll(escapes, escape => (keepColours && colours.test(escape) ? escape : ''))
    .replaceAll(inert, '');
  return filtered.split('\n').map(expandTabs).join('\n');
}

function expandTabs(line: string): string {
  const [first = '', ...others] = line.split('\t');
  let expanded = first;
  for (const part of others) expanded = expanded.padEnd((Math.floor(expanded.length / 8) + 1) * 8) + part;
  return expanded;
}
