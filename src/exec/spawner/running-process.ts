import { closeSync, fchownSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { ReadStream } from 'node:tty';
import {
  type EndedProcess,
  byteStringFromText,
  killProcessesOf,
  makeMemoryFile,
  makeMemoryProgram,
  makePipe,
  moveDescriptor,
  openTerminal,
  startProcess,
  systemErrorText,
  wordsOfErrno,
} from '../../base/index.ts';
import type { Limits } from '../action.ts';
import { infoDescriptor } from '../sandbox/bubblewrap-arguments.ts';
import { startDescriptors, startProgram } from '../sandbox/start-program.ts';
import type { ProcessOrder, RunResult, SandboxOrder } from './messages.ts';
import { killQuietly } from './orphans.ts';

export interface RunEvents {
  readonly output: (chunk: Uint8Array) => void;
  readonly ended: (result: RunResult) => void;
}

/** Between SIGTERM and SIGKILL, in milliseconds. */
const patience = 5000;
/** For what the process wrote to arrive after its end, if some other process still holds its output, in milliseconds. */
const drainTime = 1000;
/** Our descriptors for a process lie above all numbers that it gets, so that setting one up never closes another. */
const gap = 64;

const argumentsDescriptor = 3;

/** One process of an action: from its start to the end of it and of all that it started. */
export class RunningProcess {
  readonly #order: ProcessOrder;
  readonly #events: RunEvents;
  /** The process that we are to wait for: the sandbox's maker, then the program. */
  #pid: number | undefined;
  #output: Socket | ReadStream | undefined;
  #hasOutputEnded = false;
  #written = 0;
  #setup: SandboxSetup | undefined;
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
    return this.#order.sandbox === undefined;
  }

  /** Children of ours that are this run's. */
  get pids(): number[] {
    return [this.#pid, this.#setup?.programPid].filter(pid => pid !== undefined);
  }

  start(): void {
    try {
      this.#start();
    } catch (error) {
      this.#report({ kind: 'not-run', code: 'exec/no-process', reason: systemErrorText(error) });
    }
  }

  #start(): void {
    const { sandbox, user } = this.#order;
    const channel = openOutput(this.#order.output);
    using descriptors = new DescriptorTable(gap + (sandbox?.files.size ?? 0));
    if (user !== undefined) fchownSync(channel.write, user.user, user.group);
    descriptors.add(0, openSync('/dev/null', 'r'));
    descriptors.add(1, channel.write);
    this.#listen(
      this.#order.output === 'terminal'
        ? new ReadStream(channel.read)
        : new Socket({ fd: channel.read, readable: true, writable: false }),
    );

    if (sandbox !== undefined)
      this.#setup = new SandboxSetup(sandbox, descriptors, {
        stands: () => this.#sandboxStands(),
        closed: () => this.#reportIfDone(),
      });
    else descriptors.share(2, 1);
    const started = startProcess({
      ...this.#order,
      ...(sandbox === undefined ? {} : sandboxProgram(sandbox, this.#order)),
      descriptors: descriptors.all,
    });
    if ('errno' in started) return this.#notStarted(started.errno);
    this.#pid = started.pid;
    const { time, silence } = this.#order.limits;
    if (time !== undefined) this.#timers.push(setTimeout(() => this.#reachLimit('time'), time));
    if (silence !== undefined) {
      this.#silence = setTimeout(() => this.#reachLimit('silence'), silence);
      this.#timers.push(this.#silence);
    }
  }

  #notStarted(errno: string): void {
    const reason = wordsOfErrno(errno);
    if (errno === 'EAGAIN' || errno === 'ENOMEM') this.#report({ kind: 'not-run', code: 'exec/no-process', reason });
    else if (this.#setup !== undefined) this.#report({ kind: 'not-run', code: 'exec/no-sandbox', reason });
    else this.#report({ kind: 'ran', outcome: { kind: 'not-executable', errno, reason } });
  }

  #listen(stream: Socket | ReadStream): void {
    this.#output = stream;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    // A terminal says EIO when all have closed it.
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      this.#hasOutputEnded = true;
      this.#reportIfDone();
    });
  }

  #receive(chunk: Buffer): void {
    const { output: limit = Infinity } = this.#order.limits;
    const allowed = Math.min(chunk.byteLength, limit - this.#written);
    if (allowed > 0) this.#events.output(chunk.subarray(0, allowed));
    this.#written += allowed;
    if (allowed < chunk.byteLength) this.#reachLimit('output');
    this.#silence?.refresh();
  }

  pauseOutput(): void {
    this.#output?.pause();
  }

  resumeOutput(): void {
    this.#output?.resume();
  }

  /** The program waits for our word, and its parent is to be us: the sandbox's maker has done its work. */
  #sandboxStands(): void {
    if (this.#pid !== undefined) killQuietly(this.#pid, 'SIGKILL');
  }

  /** Says whether it was a process of this run. */
  childEnded(ended: EndedProcess): boolean {
    if (ended.pid !== this.#pid) return false;
    const program = this.#setup?.programPid;
    if (this.#setup?.stands === true && program !== undefined && ended.pid !== program) {
      this.#pid = program;
      if (this.#isKilled) killQuietly(program, 'SIGKILL');
      else this.#setup.go();
      return true;
    }
    // A maker that was killed leaves what it had begun.
    if (program !== undefined && ended.pid !== program) killQuietly(program, 'SIGKILL');
    this.#ended = ended;
    if (this.isInHost) this.#killRest(ended.pid);
    if (!this.#hasOutputEnded) this.#timers.push(setTimeout(() => this.#output?.destroy(), drainTime));
    this.#reportIfDone();
    return true;
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
    const isProgram = this.isInHost || this.#pid === this.#setup?.programPid;
    // The kernel keeps signals from the first process of a sandbox that does not handle them.
    if (!isProgram || (!this.isInHost && !handlesTermination(this.#pid))) return this.kill();
    killQuietly(-this.#pid, 'SIGTERM');
    this.#timers.push(setTimeout(() => this.kill(), patience));
  }

  kill(): void {
    this.#isKilled = true;
    if (this.#pid === undefined || this.#ended !== undefined) return;
    // A sandbox that is being made is killed as soon as it stands: half of it would be left otherwise.
    if (this.#setup !== undefined && this.#pid !== this.#setup.programPid) return;
    killQuietly(this.#pid, 'SIGKILL');
    if (this.isInHost) this.#killRest(this.#pid);
  }

  #reportIfDone(): void {
    if (this.#ended === undefined || !this.#hasOutputEnded) return;
    if (this.#setup === undefined) return this.#reportEnd(this.#ended);
    if (!this.#setup.isClosed) return;
    const failure = this.#setup.failure();
    if (failure === undefined) return this.#reportEnd(this.#ended);
    if (failure.kind === 'not-made') {
      this.#report({ kind: 'not-run', code: 'exec/bad-mount', reason: failure.text });
      return;
    }
    this.#notExecutable(failure.errno);
  }

  #notExecutable(number: number): void {
    const errno = Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
    this.#report({ kind: 'ran', outcome: { kind: 'not-executable', errno, reason: wordsOfErrno(errno) } });
  }

  #reportEnd({ end, cpuUser, cpuSystem }: EndedProcess): void {
    const limit = this.#limit;
    this.#report({
      kind: 'ran',
      outcome: { ...(limit === undefined ? end : { kind: 'limit-reached', limit }), cpuUser, cpuSystem },
    });
  }

  #report(result: RunResult): void {
    if (this.#hasReported) return;
    this.#hasReported = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#output?.destroy();
    this.#setup?.close();
    this.#events.ended(result);
  }
}

/** The open files that a process gets, by its numbers. Ours are closed at disposal: the process has them then. */
class DescriptorTable implements Disposable {
  readonly all = new Map<number, number>();
  readonly #minimum: number;

  constructor(minimum: number) {
    this.#minimum = minimum;
  }

  add(number: number, fd: number): void {
    this.all.set(number, moveDescriptor(fd, this.#minimum));
  }

  /** `number` is the same open file as `other`. */
  share(number: number, other: number): void {
    const fd = this.all.get(other);
    if (fd !== undefined) this.all.set(number, fd);
  }

  [Symbol.dispose](): void {
    for (const fd of new Set(this.all.values())) closeSync(fd);
  }
}

let startProgramFile: number | undefined;

function openStartProgram(): number {
  startProgramFile ??= makeMemoryProgram(startProgram(process.arch) ?? Buffer.alloc(0));
  return openSync(`/proc/self/fd/${startProgramFile}`, 'r');
}

/** What a sandbox's maker and the start program say while it is made. */
class SandboxSetup {
  readonly #status: Socket;
  #go: number | undefined;
  #said = '';
  programPid: number | undefined;
  stands = false;
  /** Nobody will say more. */
  isClosed = false;

  constructor(
    order: SandboxOrder,
    descriptors: DescriptorTable,
    events: { readonly stands: () => void; readonly closed: () => void },
  ) {
    const status = makePipe();
    const go = makePipe();
    this.#go = go.writeEnd;
    descriptors.add(2, status.writeEnd);
    descriptors.share(infoDescriptor, 2);
    descriptors.add(argumentsDescriptor, makeMemoryFile(Buffer.from(`${order.arguments.join('\0')}\0`, 'latin1')));
    for (const [number, contents] of order.files) descriptors.add(number, makeMemoryFile(contents));
    descriptors.add(startDescriptors.itself, openStartProgram());
    descriptors.add(startDescriptors.go, go.readEnd);
    this.#status = new Socket({ fd: status.readEnd, readable: true, writable: false });
    this.#status.setEncoding('latin1').on('data', (text: string) => {
      const stood = this.stands;
      this.#hear(text);
      if (this.stands && !stood) events.stands();
    });
    this.#status.on('close', () => {
      this.isClosed = true;
      events.closed();
    });
  }

  #hear(text: string): void {
    this.#said += text;
    const pid = /"child-pid": (\d+)/.exec(this.#said)?.[1];
    if (pid !== undefined) this.programPid = Number(pid);
    this.stands = this.#said.includes('\0');
  }

  /** Lets the program begin. */
  go(): void {
    if (this.#go !== undefined) writeSync(this.#go, '\0');
  }

  failure():
    | { readonly kind: 'not-made'; readonly text: string }
    | { readonly kind: 'not-executable'; readonly errno: number }
    | undefined {
    const end = this.#said.indexOf('\0');
    if (end === -1) return { kind: 'not-made', text: this.#said.replace(/^\{[^}]*\}\n/, '').trim() };
    const errno = this.#said.charCodeAt(end + 1);
    return Number.isNaN(errno) ? undefined : { kind: 'not-executable', errno };
  }

  close(): void {
    if (this.#go !== undefined) closeSync(this.#go);
    this.#go = undefined;
    this.#status.destroy();
  }
}

function sandboxProgram(
  sandbox: SandboxOrder,
  { program, argv, environment }: ProcessOrder,
): Pick<ProcessOrder, 'program' | 'argv' | 'environment' | 'workingFolder'> {
  return {
    program: sandbox.bubblewrap,
    argv: [
      ...['bwrap', '--args', String(argumentsDescriptor), '--'].map(byteStringFromText),
      sandbox.startPath,
      program,
      ...environment,
      byteStringFromText(''),
      ...argv,
    ],
    environment: [],
    workingFolder: byteStringFromText('/'),
  };
}

function openOutput(kind: ProcessOrder['output']): { readonly read: number; readonly write: number } {
  if (kind === 'terminal') {
    const { controller, terminal } = openTerminal();
    return { read: controller, write: terminal };
  }
  const { readEnd, writeEnd } = makePipe();
  return { read: readEnd, write: writeEnd };
}

function handlesTermination(pid: number): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    return (BigInt(`0x${caught}`) & (1n << BigInt(constants.signals.SIGTERM - 1))) !== 0n;
  } catch {
    return false;
  }
}
