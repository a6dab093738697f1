import type { ByteString } from '../base/index.ts';

/**
 * One process to run, and all that it may see: what REAPI's Action and a Nix derivation have in common. All paths are
 * absolute; those of the process are as it sees them.
 */
export interface Action {
  /** Path of the program. */
  readonly program: ByteString;
  /** Paths that are tried before it, in this order, where nothing can be executed: as execvp(3) goes through PATH. */
  readonly programsBefore?: readonly ByteString[] | undefined;
  /** Begins with the name by which the program is called. */
  readonly argv: readonly [ByteString, ...ByteString[]];
  /** All of it: nothing is inherited. */
  readonly environment: ReadonlyMap<ByteString, ByteString>;
  readonly workingFolder: ByteString;
  readonly place: Place;
  readonly limits: Limits;
  /**
   * What its standard output and standard error are: one pipe or one terminal for both, or a pipe for each. Standard input
   * is empty.
   */
  readonly output: OutputKind;
  /** Whether it is killed, with all that it started, once nobody of them has that output open any more. */
  readonly endsWithOutput?: boolean;
  /** Of files that it makes; 0o022 unless given. */
  readonly umask?: number;
}

export type OutputKind = 'pipe' | 'terminal' | 'two pipes';

export interface Limits {
  /** In milliseconds, of the whole run. */
  readonly time?: number | undefined;
  /** In milliseconds, without any output. */
  readonly silence?: number | undefined;
  /** In bytes of output, whichever stream they came by. */
  readonly output?: number | undefined;
}

/** Where a process runs. */
export type Place = HostPlace | Sandbox;

/** As any other process of this machine. */
export interface HostPlace {
  readonly kind: 'host';
  /** Whose processes it belongs to; ours unless given, which takes root. */
  readonly user?: UserIds | undefined;
  /** As it is unless given. */
  readonly personality?: Personality | undefined;
}

/** What programs that ask are told of the kernel, and where their memory is: personality(2). */
export interface Personality {
  /** A 32-bit machine. */
  readonly linux32?: boolean;
  /** A Linux of version 2.6. */
  readonly linux26?: boolean;
  /** Addresses are not chosen at random, so that builds differ less. */
  readonly fixedAddresses?: boolean;
}

/** Apart from all others: own processes, mounts, host name and interprocess communication; no privileges, no core dumps. */
export interface Sandbox {
  readonly kind: 'sandbox';
  /**
   * All that the process finds, each in the place that those before have made. What lies between is made as folders. The
   * root itself cannot be written to unless it is an overlay: what can be is a writable bind, a tmpfs or an overlay.
   */
  readonly mounts: readonly Mount[];
  /** `private`: a loopback interface alone, on which nobody else listens. `host`: this machine's network. */
  readonly network: 'private' | 'host';
  readonly hostName: string;
  /** As the process sees itself. */
  readonly user: UserIds;
  /** Whose processes it belongs to outside: one of its own for each sandbox at a time, which takes root. Ours unless given. */
  readonly outsideUser?: UserIds | undefined;
  /** Addresses are fixed in any case. */
  readonly personality?: Personality | undefined;
  /**
   * How many ids it has, from those of `outsideUser` on; they are those from 0 on inside, where it is root, can mount, and
   * can write to the root folder. One unless given; more take root.
   */
  readonly idCount?: number | undefined;
  /**
   * The folder of a control group (cgroups(7), version 2) that we may put processes into: its are in it, and it has it for
   * the root of all. None of its own unless given.
   */
  readonly controlGroup?: string | undefined;
  /** What all of it may take together. Limits that this machine cannot set are refused (`exec/no-resources`). */
  readonly resources?: Resources | undefined;
  /**
   * Whether it is refused where it would keep our supplementary groups, which only root can take away; where it belongs to
   * somebody else it has none.
   */
  readonly requiresNoGroups?: boolean;
  /** Whether programs may gain setuid bits on files; refused unless given. */
  readonly allowsSetuid?: boolean;
}

export interface Resources {
  /** In bytes; who wants more is killed. */
  readonly memory?: number | undefined;
  /** And threads: who wants more gets none. */
  readonly processes?: number | undefined;
  /** Processors, or a part of one: who wants more waits. */
  readonly processors?: number | undefined;
}

export interface UserIds {
  readonly user: number;
  readonly group: number;
}

export type Mount =
  /** A file or folder of this machine. `optional`: nothing where it is not there. */
  | {
      readonly kind: 'bind';
      readonly from: string;
      readonly to: string;
      readonly writable: boolean;
      readonly optional?: boolean;
      /** Whether device nodes in it work. */
      readonly devices?: boolean;
      /** What `from` is, if that was looked at: an absolute path in its shortest form, the last part no symlink. */
      readonly is?: 'file' | 'folder';
      /** Whether something of that kind is at `to` already. */
      readonly isMade?: boolean;
    }
  /**
   * The folder `lower` of this machine, where what is written goes to `upper`, with `work` beside it, both folders of the
   * sandbox's outside user's. It can be the first mount, of the root itself: then that can be written to.
   */
  | {
      readonly kind: 'overlay';
      readonly lower: string;
      readonly upper: string;
      readonly work: string;
      readonly to: string;
    }
  /** In memory: what is written is gone at the end. `size` in bytes; half of the memory unless given. */
  | { readonly kind: 'tmpfs'; readonly to: string; readonly mode: number; readonly size?: number }
  /** An empty folder of what lies there: of the root, it cannot be written to. */
  | { readonly kind: 'folder'; readonly to: string; readonly mode: number }
  | { readonly kind: 'file'; readonly to: string; readonly contents: Uint8Array; readonly mode: number }
  | { readonly kind: 'symlink'; readonly to: string; readonly target: string }
  /** What the kernel tells of devices, of those of the sandbox's own network: takes a private one and `idCount`. */
  | { readonly kind: 'sysfs'; readonly to: string }
  /** Of the sandbox's own processes. */
  | { readonly kind: 'proc'; readonly to: string }
  /** null, zero, full, random, urandom, tty, ptmx, pts, shm and the links to descriptors. */
  | { readonly kind: 'devices'; readonly to: string };
