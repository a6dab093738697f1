/**
 * Sequences that messages may have for terminals, as C++ Nix's have. Whoever shows a message takes them out where they
 * would not be understood.
 */
export const red = '\u001b[31;1m';
export const green = '\u001b[32;1m';
export const magenta = '\u001b[35;1m';
export const blue = '\u001b[34;1m';
export const bold = '\u001b[1m';
export const faint = '\u001b[2m';
export const normal = '\u001b[0m';

/** What is put into a message, in the colour that C++ Nix gives it. */
export function emphasise(what: string | number): string {
  return `${magenta}${what}${normal}`;
}
