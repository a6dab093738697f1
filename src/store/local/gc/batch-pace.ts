/** How long a batch may take for which others wait, in milliseconds. */
const aim = 50;

/** A batch is synced to the disk once, however large it is: smaller ones would cost more than they spare. */
const fewest = 512;

const most = 8192;

/** Chooses the sizes of batches by what the last one took. */
export class BatchPace {
  size = fewest;

  took(milliseconds: number): void {
    if (milliseconds > aim * 2) this.size = Math.max(fewest, this.size >> 1);
    else if (milliseconds < aim) this.size = Math.min(most, this.size * 2);
  }
}
