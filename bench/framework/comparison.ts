/** What a comparison is made of. `framework/` measures it, `comparisons/` has one file each. */

/** One run of one program, in a process of its own. */
export interface Sample {
  readonly wallMs: number;
  /** Processor time of the process and all its descendants. */
  readonly userMs: number;
  readonly systemMs: number;
  /** Resident memory of the largest of these processes, in KiB. */
  readonly peakKiB: number;
  /** Of the server that it was a client of, if it has one. */
  readonly server?: ServerUsage;
}

export interface ServerUsage {
  /** Processor time, user's and system's. */
  readonly cpuMs: number;
  /** Resident memory of the largest of its processes, in KiB, since it started. */
  readonly peakKiB: number;
}

export interface Run {
  /** A path at which nothing exists. What is made there is left alone until all comparisons are over. */
  readonly fresh: string;
}

export interface Invocation {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment but for PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** The file that is its standard input; empty unless given. */
  readonly stdin?: string;
  /** `capture` (unless given): a few lines; `pipe`: much, read by another process that makes a line of it. */
  readonly stdout?: 'capture' | 'pipe';
}

export interface Side {
  /** For table and record: without paths of this machine. */
  readonly command: string;
  /** What it needs beside the inputs, as a server of its own, is ready then. */
  invoke(run: Run): Invocation | Promise<Invocation>;
  /** What the server has used so far that is asked by what was invoked last. */
  readonly server?: () => ServerUsage;
  /** What every side must agree on after its first run; what it has printed unless given. */
  readonly result?: (run: Run, stdout: string) => string | Promise<string>;
}

/** A number that a comparison yields, and what it must not exceed. */
export interface Figure {
  readonly name: string;
  /**
   * `ratio`: of the two sides' wall times; `difference`: of the same in milliseconds; `memory`: of one side in MB (10^6
   * bytes); `memory-ratio`: of the two sides' memory; `server-ratio`, `server-memory`: of the processor time of their
   * servers, and their memory in MB. Taken for each pair of runs; the figure is the median of these.
   */
  readonly kind: 'ratio' | 'difference' | 'memory' | 'memory-ratio' | 'server-ratio' | 'server-memory';
  readonly of: string;
  /** The other side; none for `memory` and `server-memory`. */
  readonly against?: string;
  readonly bar?: number;
}

/** What is run, once its inputs exist. */
export interface Contest {
  readonly sides: Readonly<Record<string, Side>>;
  readonly figures: readonly Figure[];
  /** File trees that are brought into the page cache before every run. */
  readonly inputs?: readonly string[];
  /** Called once all runs are over, to stop what `prepare` started. */
  readonly close?: () => void;
}

export interface Comparison {
  readonly title: string;
  /** For the record: what is worked on. */
  readonly workload: string;
  /** Runs of each side that count; `--pairs` takes precedence. */
  readonly pairs: number;
  /** What a run leaves on disk, in bytes. */
  readonly bytesPerRun: number;
  prepare(workspace: Workspace): Promise<Contest>;
}

/** What a comparison is prepared with. */
export interface Workspace {
  /** An empty folder of its own, removed when all is over. */
  readonly folder: string;
  /** Finds a command of the peer. Throws a BenchError unless PEER_BINDIR names a folder that has it. */
  peer(command: string): string;
  /** The bundle of a script of `children/`, as the command line is bundled. */
  child(name: string): Promise<readonly [string, ...string[]]>;
  /** A command of this repository's `bin/`. */
  own(command: string): string;
  readonly node: string;
}

/** Something that keeps a comparison from being made, said in a line. */
export class BenchError extends Error {}
