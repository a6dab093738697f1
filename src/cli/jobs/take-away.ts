import type { JobPath } from './job.ts';

/**
 * Takes of a queue what a thread without work is given: half of the outermost sets and jobs, since those inside of one set have
 * much in common. The set whose jobs come first counts as one of them, and is left to who has begun with it.
 */
export function takeAway(queue: JobPath[]): JobPath[] {
  const outermost = queue.at(-1)?.length ?? 0;
  const start = queue.findIndex(path => path.length === outermost);
  return queue.splice(start > 0 ? splitPlace(queue, start - 1) : splitPlace(queue, 0));
}

/** About the middle of what comes from `start` on, between names that are unlike: `linuxPackages` needs what `linux` does. */
function splitPlace(queue: readonly JobPath[], start: number): number {
  const count = queue.length - start;
  const middle = start + Math.floor(count / 2);
  const reach = Math.floor(count / 8);
  let best = middle;
  let fewest = Infinity;
  for (let step = 0; step <= 2 * reach; step++) {
    // By turns behind and before the middle, ever farther away.
    const place = middle + (step % 2 === 0 ? step / 2 : -(step + 1) / 2);
    const shared = sharedLength(queue[place - 1]?.at(-1) ?? '', queue[place]?.at(-1) ?? '');
    if (shared < fewest) [best, fewest] = [place, shared];
  }
  return best;
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
