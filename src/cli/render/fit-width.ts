// Escape sequences that filterEscapes left in, and characters.
const pieces = /\u001b\[[0-?]*[ -/]*[@-~]|./gsu;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u;
// East Asian wide and fullwidth characters, and those that are shown as pictures.
const doubleWidth =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;

/** As much of one line as fits into `width` columns of a terminal; escape sequences take none. */
export function fitWidth(line: string, width: number): string {
  if (line.length <= width && !/[^\u0020-\u007e]/.test(line)) return line;
  let used = 0;
  let end = 0;
  for (const { 0: piece, index } of line.matchAll(pieces)) {
    if (piece.length === 1 || !piece.startsWith('\u001b')) {
      used += zeroWidth.test(piece) ? 0 : doubleWidth.test(piece) ? 2 : 1;
      if (used > width) break;
    }
    end = index + piece.length;
  }
  return line.slice(0, end);
}
