import { closeSync } from 'node:fs';
import { moveDescriptor } from '../../base/index.ts';

/** Ours lie above all numbers that a process gets, so that giving one never closes another. */
const lowest = 16;

/** The open files that a process gets, by its numbers. Ours are closed at disposal: the process has them then. */
export class DescriptorTable implements Disposable {
  readonly all = new Map<number, number>();

  /** `number` is to be our `fd`, which belongs to the table from now on. */
  add(number: number, fd: number): void {
    this.all.set(number, moveDescriptor(fd, lowest));
  }

  /** `number` is to be the same open file as `other`. */
  share(number: number, other: number): void {
    const fd = this.all.get(other);
    if (fd !== undefined) this.all.set(number, fd);
  }

  [Symbol.dispose](): void {
    for (const fd of new Set(this.all.values())) closeSync(fd);
  }
}
