/**
 * Removes from `input` and flattens in it what `fails` does not need, for at most `budget` milliseconds.
 */
export async function minimise(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
  budget: number,
): Promise<Uint8Array> {
  const end = performance.now() + budget;
  let best = Buffer.from(input);
  for (let size = best.length >> 1; size >= 1 && performance.now() < end; size >>= 1) {
    for (let at = 0; at < best.length && performance.now() < end;) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await fails(shorter)) best = shorter;
      else at += size;
    }
  }
  for (let at = 0; at < best.length && performance.now() < end; at++) {
    for (const byte of [0x61, 0x30, 0]) {
      if (best[at] === byte) break;
      const simpler = Buffer.from(best);
      simpler[at] = byte;
      if (await fails(simpler)) {
        best = simpler;
        break;
      }
    }
  }
  return best;
}
