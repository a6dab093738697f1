/** How long a batch may take for which others wait, in milliseconds. */
const aim = 25;

const most = 4096;

/** Chooses the sizes of batches by what the last one took. */
export class BatchPace {
  size = 64;

  took(milliseconds: number): void {
    if (milliseconds > aim * 2) this.size = Math.max(1, this.size >> 1);
    else if (milliseconds < aim) this.size = Math.min(most, this.size * 2);
  }
}
