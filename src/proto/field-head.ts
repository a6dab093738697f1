/** What comes before a field's bytes: its tag, below 128, and how many bytes it has. */
export function fieldHead(tag: number, length: number): Uint8Array {
  const head = [tag];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) head.push((rest % 128) + 128);
  head.push(rest);
  return Uint8Array.from(head);
}
