import { closeSync, readSync, writeSync } from 'node:fs';
import { errnoOf, makePipe, nameOfErrno, setNonBlocking } from '../../base/index.ts';
import { lifeDescriptor } from '../start/start-script.ts';
import { parseReports, reportDescriptor, reportSize } from '../start/system-call-script.ts';
import type { DescriptorTable } from './descriptor-table.ts';

export interface ReportedFailure {
  readonly entry: number;
  readonly errno: string;
}

/**
 * What an executable says that becomes an action's program: what failed and, if it makes a sandbox, the id of the second
 * process, our child as well, that becomes the program.
 */
export class StartReports implements Disposable {
  readonly #cloneEntry: number | undefined;
  readonly #reports: number;
  /** Its other end is with the executable, which leaves when nobody has this one: if we were killed. */
  readonly #life: number;
  programPid: number | undefined;
  failure: ReportedFailure | undefined;

  constructor(cloneEntry: number | undefined, descriptors: DescriptorTable) {
    this.#cloneEntry = cloneEntry;
    const reports = makePipe();
    setNonBlocking(reports.readEnd);
    this.#reports = reports.readEnd;
    descriptors.add(reportDescriptor, reports.writeEnd);
    const life = makePipe();
    this.#life = life.writeEnd;
    descriptors.add(lifeDescriptor, life.readEnd);
  }

  /** Lets a process go on that waits for us. */
  release(): void {
    writeSync(this.#life, '.');
  }

  /** Reads what was said. Whoever ended has said all of it. */
  hear(): void {
    const buffer = Buffer.alloc(4 * reportSize);
    try {
      const reports = parseReports(buffer.subarray(0, readSync(this.#reports, buffer)));
      for (const { entry, result } of reports) {
        if (result < 0) this.failure ??= { entry, errno: nameOfErrno(-result) };
        else if (entry === this.#cloneEntry) this.programPid = result;
      }
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#reports);
    closeSync(this.#life);
  }
}
