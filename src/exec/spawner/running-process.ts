import { closeSync, fchownSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import {
  type EndedProcess,
  errnoOf,
  killProcessesOf,
  makeMemoryProgram,
  makePipe,
  openTerminal,
  startProcess,
} from '../../base/index.ts';
import type { Limits } from '../action.ts';
import type { OutputStream } from '../executor.ts';
import { DescriptorTable } from './descriptor-table.ts';
import { killQuietly } from './kill-processes.ts';
import type { ProcessOrder, RunResult } from './messages.ts';
import { StartReports } from './start-reports.ts';

export interface RunEvents {
  /** Of a process in the host. */
  readonly started: (group: number) => void;
  readonly output: (chunk: Uint8Array, stream: OutputStream) => void;
  /** A child of ours has this id from now on; how it ended if it has already. */
  readonly adopted: (pid: number) => EndedProcess | undefined;
  /** All that is left of it is what left its session. */
  readonly programEnded: () => void;
  readonly ended: (result: RunResult) => void;
}

/** Between SIGTERM and SIGKILL, in milliseconds. */
const patience = 5000;
/** For what the process wrote to arrive after its end, if some other process still holds its output, in milliseconds. */
const drainTime = 1000;

/** One process of an action: from its start to the end of it and of all that it started. */
export class RunningProcess {
  readonly #order: ProcessOrder;
  readonly #events: RunEvents;
  /** The process that we wait for: the sandbox's maker, then the program. */
  #pid: number | undefined;
  #reports: StartReports | undefined;
  readonly #outputs: (Socket | ReadStream)[] = [];
  #openOutputs = 0;
  #written = 0;
  #ended: EndedProcess | undefined;
  #limit: keyof Limits | undefined;
  #isKilled = false;
  #hasReported = false;
  readonly #timers: NodeJS.Timeout[] = [];
  #silence: NodeJS.Timeout | undefined;

  constructor(order: ProcessOrder, events: RunEvents) {
    this.#order = order;
    this.#events = events;
  }

  get isInHost(): boolean {
    return this.#order.cloneEntry === undefined;
  }

  /** A sandbox is being made: its second process may be a child of ours that nobody knows yet. */
  get isMaking(): boolean {
    if (this.isInHost || this.#pid === undefined || this.#ended !== undefined) return false;
    return this.#pid !== this.#reports?.programPid;
  }

  /** Children of ours that nobody knows may be its. */
  get mayHaveStrays(): boolean {
    return this.isMaking || (this.isInHost && this.#ended === undefined);
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  start(): void {
    try {
      this.#start();
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      this.#report({ kind: 'not-started', errno });
    }
  }

  #start(): void {
    const { cloneEntry, ids, limits } = this.#order;
    const user = this.#order.user ?? ids?.first;
    using descriptors = new DescriptorTable();
    descriptors.add(0, openSync('/dev/null', 'r'));
    this.#openOutputsOf(descriptors);
    // So that programs can open them by their names.
    if (user !== undefined)
      for (const output of new Set([descriptors.all.get(1), descriptors.all.get(2)]))
        if (output !== undefined) fchownSync(output, user.user, user.group);
    this.#reports = new StartReports(cloneEntry, descriptors);
    const started = this.#execute(descriptors);
    if ('errno' in started) return this.#report({ kind: 'not-started', errno: started.errno });
    this.#pid = started.pid;
    // Who gets ids waits for both, once its namespaces are made.
    if (ids === undefined && !this.#enterControlGroups(started.pid)) return;
    if (this.isInHost) this.#events.started(started.pid);
    if (limits.time !== undefined) this.#timers.push(setTimeout(() => this.#reachLimit('time'), limits.time));
    if (limits.silence === undefined) return;
    this.#silence = setTimeout(() => this.#reachLimit('silence'), limits.silence);
    this.#timers.push(this.#silence);
  }

  #giveIds(pid: number): void {
    const { ids, controlGroups } = this.#order;
    if (ids === undefined) return;
    try {
      for (const [map, first] of [['uid_map', ids.first.user] as const, ['gid_map', ids.first.group] as const])
        writeFileSync(`/proc/${pid}/${map}`, `0 ${first} ${ids.count}\n`);
    } catch (error) {
      this.#giveUp(pid, 'no-ids', error);
      return;
    }
    if (controlGroups.length === 0) this.#reports?.release();
    else this.#enterControlGroups(pid);
  }

  /** Ends a process that waits for what it cannot get. */
  #giveUp(pid: number, kind: 'no-ids' | 'no-control-group', error: unknown): void {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    killQuietly(pid, 'SIGKILL');
    this.#report({ kind, errno });
  }

  /** Puts the process into its control groups, as long as it waits for that. Without, it is ended. */
  #enterControlGroups(pid: number): boolean {
    const { controlGroups } = this.#order;
    if (controlGroups.length === 0) return true;
    try {
      for (const folder of controlGroups) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
      this.#reports?.release();
      return true;
    } catch (error) {
      this.#giveUp(pid, 'no-control-group', error);
      return false;
    }
  }

  #execute(descriptors: DescriptorTable): ReturnType<typeof startProcess> {
    const program = makeMemoryProgram(this.#order.program);
    try {
      // The name is that of our descriptor in the new process, too, until it executes the program.
      return startProcess({
        program: `/proc/self/fd/${program}`,
        descriptors: descriptors.all,
        user: this.#order.user,
      });
    } finally {
      closeSync(program);
    }
  }

  #openOutputsOf(descriptors: DescriptorTable): void {
    switch (this.#order.output) {
      case 'terminal': {
        const { controller, terminal } = openTerminal();
        descriptors.add(1, terminal);
        descriptors.share(2, 1);
        this.#listen(new ReadStream(controller), 'stdout');
        break;
      }
      case 'pipe':
        this.#listen(openPipe(descriptors, 1), 'stdout');
        descriptors.share(2, 1);
        break;
      case 'two pipes':
        this.#listen(openPipe(descriptors, 1), 'stdout');
        this.#listen(openPipe(descriptors, 2), 'stderr');
    }
  }

  #listen(output: Socket | ReadStream, stream: OutputStream): void {
    this.#outputs.push(output);
    this.#openOutputs++;
    output.on('data', (chunk: Buffer) => this.#receive(chunk, stream));
    // A terminal says EIO when all have closed it.
    output.on('error', () => output.destroy());
    output.on('close', () => {
      if (--this.#openOutputs > 0) return;
      // One that has ended, and is not waited for yet, takes no notice.
      if (this.#order.endsWithOutput && this.#ended === undefined) this.kill();
      this.#reportIfDone();
    });
  }

  #receive(chunk: Buffer, stream: OutputStream): void {
    const { output: limit = Infinity } = this.#order.limits;
    const allowed = Math.min(chunk.byteLength, limit - this.#written);
    if (allowed > 0) this.#events.output(chunk.subarray(0, allowed), stream);
    this.#written += allowed;
    if (allowed < chunk.byteLength) this.#reachLimit('output');
    this.#silence?.refresh();
  }

  pauseOutput(): void {
    for (const output of this.#outputs) output.pause();
  }

  resumeOutput(): void {
    for (const output of this.#outputs) output.resume();
  }

  /** Says whether it was a process of this run. */
  childEnded(ended: EndedProcess): boolean {
    if (ended.pid !== this.#pid) return false;
    if (this.isMaking) this.#made(ended);
    else this.#programEnded(ended);
    return true;
  }

  /** The first process has ended: what we wait for is the second, if there is one. */
  #made(ended: EndedProcess): void {
    this.#reports?.hear();
    const program = this.#reports?.programPid;
    if (program === undefined) return this.#programEnded(ended);
    this.#pid = program;
    const end = this.#events.adopted(program);
    if (end !== undefined) this.#programEnded(end);
    else if (this.#isKilled) killQuietly(program, 'SIGKILL');
    else if (this.#order.ids !== undefined) this.#giveIds(program);
  }

  #programEnded(ended: EndedProcess): void {
    this.#reports?.hear();
    this.#ended = ended;
    if (this.isInHost) this.#killRest(ended.pid);
    this.#events.programEnded();
    if (this.#openOutputs > 0) this.#timers.push(setTimeout(() => this.#closeOutputs(), drainTime));
    this.#reportIfDone();
  }

  #killRest(group: number): void {
    const { user } = this.#order;
    killQuietly(-group, 'SIGKILL');
    if (user !== undefined) killProcessesOf(user.user);
  }

  #reachLimit(limit: keyof Limits): void {
    this.#limit ??= limit;
    this.kill();
  }

  /** Asks it to end, and makes it when it has not within five seconds. */
  end(): void {
    if (this.#isKilled || this.#pid === undefined || this.#ended !== undefined) return;
    // The kernel keeps signals from the first process of a sandbox that does not handle them.
    if (this.isMaking || (!this.isInHost && !handlesTermination(this.#pid))) return this.kill();
    killQuietly(-this.#pid, 'SIGTERM');
    this.#timers.push(setTimeout(() => this.kill(), patience));
  }

  kill(): void {
    this.#isKilled = true;
    // A sandbox that is being made is killed when we know its process.
    if (this.#pid === undefined || this.#ended !== undefined || this.isMaking) return;
    killQuietly(this.#pid, 'SIGKILL');
    if (this.isInHost) this.#killRest(this.#pid);
  }

  #reportIfDone(): void {
    if (this.#ended === undefined || this.#openOutputs > 0) return;
    const { end, cpuUser, cpuSystem, peakMemory } = this.#ended;
    const failure = this.#reports?.failure;
    if (failure !== undefined) return this.#report({ kind: 'failed', ...failure });
    if (this.isMaking)
      return this.#report({ kind: 'failed', errno: end.kind === 'killed' ? end.signal : `status ${end.status}` });
    const outcome = this.#limit === undefined ? end : ({ kind: 'limit-reached', limit: this.#limit } as const);
    this.#report({ kind: 'ran', outcome: { ...outcome, cpuUser, cpuSystem, peakMemory } });
  }

  #closeOutputs(): void {
    for (const output of this.#outputs) output.destroy();
  }

  #report(result: RunResult): void {
    if (this.#hasReported) return;
    this.#hasReported = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#closeOutputs();
    this.#reports?.[Symbol.dispose]();
    this.#events.ended(result);
  }
}

function openPipe(descriptors: DescriptorTable, number: number): Socket {
  const { readEnd, writeEnd } = makePipe();
  descriptors.add(number, writeEnd);
  return new Socket({ fd: readEnd, readable: true, writable: false });
}

function handlesTermination(pid: number): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    return (BigInt(`0x${caught}`) & (1n << BigInt(constants.signals.SIGTERM - 1))) !== 0n;
  } catch {
    return false;
  }
}
