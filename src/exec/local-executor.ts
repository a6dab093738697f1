import { type ByteString, type Personality, byteStringFromLatin1, byteStringFromText } from '../base/index.ts';
import type { Action, Sandbox } from './action.ts';
import { ExecError } from './error.ts';
import type { Executor, RunOptions } from './executor.ts';
import type { Outcome } from './outcome.ts';
import { bubblewrapArguments } from './sandbox/bubblewrap-arguments.ts';
import { findBubblewrap } from './sandbox/find-bubblewrap.ts';
import { explainObstacle, noBubblewrap } from './sandbox/sandbox-obstacle.ts';
import { seccompFilter } from './sandbox/seccomp-filter.ts';
import { startDescriptors, startProgram } from './sandbox/start-program.ts';
import type { ProcessOrder, RunResult, SandboxOrder } from './spawner/messages.ts';
import { Spawner } from './spawner/spawner.ts';

const text = byteStringFromText;

/** Runs actions through a spawner process; sandboxes are made by bubblewrap (docs/adr/0007). */
export class LocalExecutor implements Executor {
  readonly #spawner = new Spawner();
  #obstacle: Promise<string | undefined> | undefined;
  #bubblewrap: string | undefined;
  #filter: Uint8Array | undefined;

  async run(action: Action, { signal, output }: RunOptions): Promise<Outcome> {
    signal?.throwIfAborted();
    const result = await this.#spawner.run(this.#order(action), { signal, output });
    signal?.throwIfAborted();
    if (result.kind === 'ran') return result.outcome;
    throw new ExecError(result.code, await this.#explain(result));
  }

  #order(action: Action): ProcessOrder {
    const { place, environment } = action;
    const isSandbox = place.kind === 'sandbox';
    return {
      program: action.program,
      argv: action.argv,
      environment: Array.from(environment, ([name, value]) => byteStringFromLatin1(`${name}=${value}`)),
      workingFolder: action.workingFolder,
      user: isSandbox ? place.outsideUser : place.user,
      umask: action.umask ?? 0o022,
      personality: isSandbox ? personalityOf(place) : [],
      limits: action.limits,
      output: action.output,
      sandbox: isSandbox ? this.#sandboxOrder(place, action.workingFolder) : undefined,
    };
  }

  #sandboxOrder(sandbox: Sandbox, workingFolder: ByteString): SandboxOrder {
    this.#bubblewrap ??= findBubblewrap();
    if (this.#bubblewrap === undefined) throw new ExecError('exec/no-sandbox', noBubblewrap);
    const start = startProgram(process.arch);
    this.#filter ??= seccompFilter(process.arch);
    if (process.platform !== 'linux' || start === undefined || this.#filter === undefined) {
      throw new ExecError('exec/no-sandbox', noMachine());
    }
    const processes = sandbox.mounts.findLast(({ kind }) => kind === 'proc')?.to;
    const startFile = processes === undefined ? { path: '/.start', contents: start } : undefined;
    return {
      bubblewrap: text(this.#bubblewrap),
      ...bubblewrapArguments(sandbox, {
        workingFolder,
        filter: sandbox.allowsSetuid === true ? undefined : this.#filter,
        startFile,
      }),
      startPath: text(startFile?.path ?? `${processes}/self/fd/${startDescriptors.itself}`),
    };
  }

  async #explain({ code, reason }: RunResult & { kind: 'not-run' }): Promise<string> {
    if (code === 'exec/no-process') return `cannot start a process: ${reason}`;
    return (await this.sandboxObstacle()) ?? `cannot make the sandbox: ${reason}`;
  }

  sandboxObstacle(): Promise<string | undefined> {
    this.#obstacle ??= this.#findObstacle();
    return this.#obstacle;
  }

  /** Tries to run nothing in an empty sandbox, as somebody else if we are root: that needs most. */
  async #findObstacle(): Promise<string | undefined> {
    const nobody = { user: 65534, group: 65534 };
    const action: Action = {
      program: text('/none'),
      argv: [text('none')],
      environment: new Map(),
      workingFolder: text('/'),
      place: {
        kind: 'sandbox',
        mounts: [
          { kind: 'proc', to: '/proc' },
          { kind: 'devices', to: '/dev' },
        ],
        network: 'private',
        hostName: 'localhost',
        user: { user: 1000, group: 100 },
        outsideUser: process.getuid?.() === 0 ? nobody : undefined,
      },
      limits: {},
      output: 'pipe',
    };
    try {
      const result = await this.#spawner.run(this.#order(action), { output: () => undefined });
      return result.kind === 'not-run' ? explainObstacle(result.reason) : undefined;
    } catch (error) {
      if (error instanceof ExecError && error.code === 'exec/no-sandbox') return error.message;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spawner[Symbol.asyncDispose]();
  }
}

/** C++ Nix turns off the randomisation of addresses, so that builds differ less. */
function personalityOf({ personality }: Sandbox): Personality[] {
  return personality === undefined ? ['fixedAddresses'] : ['fixedAddresses', personality];
}

function noMachine(): string {
  return `there are no sandboxes on ${process.platform}-${process.arch}: run without, or on x86-64 or aarch64 Linux`;
}
