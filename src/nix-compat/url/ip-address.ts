/** Four decimal numbers below 256, without leading zeros. */
export function isIpv4(text: string): boolean {
  const numbers = text.split('.');
  return (
    numbers.length === 4 && numbers.every(number => /^(?:0|[1-9][0-9]{0,2})$/.test(number) && Number(number) < 256)
  );
}

/** RFC 4291 section 2.2: eight groups, of which `::` stands for one or more zeros, the last two possibly as IPv4. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const counts = halves.map((half, at) => countGroups(half, at === halves.length - 1));
  if (counts.includes(undefined)) return false;
  const total = counts.reduce((sum: number, count) => sum + (count ?? 0), 0);
  return halves.length === 2 ? total < 8 : total === 8;
}

/** How many groups of 16 bits `half` names, or undefined where it names something else. */
function countGroups(half: string, isLast: boolean): number | undefined {
  if (half === '') return 0;
  const groups = half.split(':');
  const last = groups.at(-1) ?? '';
  const hasIpv4 = isLast && isIpv4(last);
  const plain = hasIpv4 ? groups.slice(0, -1) : groups;
  return plain.every(group => /^[0-9A-Fa-f]{1,4}$/.test(group)) ? plain.length + (hasIpv4 ? 2 : 0) : undefined;
}
