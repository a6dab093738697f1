const step = 1024;
// Bytes, too, are shown as a fraction of a KiB.
const prefixes = ['K', 'K', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

/** How many times 1,024 goes into `bytes`. */
function unitOf(bytes: number): number {
  let unit = 0;
  for (let rest = Math.abs(bytes); rest > step && unit < prefixes.length - 1; rest = Math.floor(rest / step)) unit++;
  return unit;
}

/** With one digit after the point; ties go to the even digit, as C's printf has them. */
function formatIn(unit: number, bytes: number): string {
  const tenths = (bytes / step ** Math.max(1, unit)) * 10;
  const below = Math.floor(tenths);
  const rounded = tenths - below === 0.5 ? below + (below % 2) : Math.round(tenths);
  return (rounded / 10).toFixed(1);
}

/** `11.6 GiB`, as C++ Nix has it for people. With `width`, the number is padded on the left to that. */
export function formatSize(bytes: number, width = 0): string {
  const unit = unitOf(bytes);
  return `${formatIn(unit, bytes).padStart(width)} ${prefixes[unit]}iB`;
}

/** Sizes that are shown together: the unit comes once, in `suffix`, if it is the same for all of them. */
export function formatSizes(sizes: readonly number[]): { readonly texts: readonly string[]; readonly suffix: string } {
  const [unit = 0, ...others] = sizes.map(unitOf);
  if (others.some(other => other !== unit)) return { texts: sizes.map(size => formatSize(size)), suffix: '' };
  return { texts: sizes.map(size => formatIn(unit, size)), suffix: ` ${prefixes[unit]}iB` };
}
