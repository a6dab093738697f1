import type { KeptCase } from './cases.ts';

/** Bytes of all inputs that are kept of one target, and of one. */
const maxTotal = 2400;
const maxEach = 900;
const maxAccepted = 6;

/** Chooses what is kept of a target's behaviours: the shortest input for each refusal, and a few that are accepted. */
export function selectSamples(
  target: string,
  samples: readonly { readonly base64: string; readonly outcome: string }[],
): KeptCase[] {
  const kept: KeptCase[] = [];
  let total = 0;
  let accepted = 0;
  for (const { base64, outcome } of samples.toSorted((a, b) => a.base64.length - b.base64.length)) {
    if (base64.length > maxEach || total + base64.length > maxTotal) continue;
    if (outcome === 'accepted' && ++accepted > maxAccepted) continue;
    total += base64.length;
    kept.push({ target, outcome, why: outcome === 'accepted' ? 'accepted' : `refused with ${outcome}`, base64 });
  }
  return kept.toSorted((a, b) => (a.outcome ?? '').localeCompare(b.outcome ?? '', 'en'));
}
