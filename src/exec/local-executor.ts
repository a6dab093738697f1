import { byteStringFromText, unreachable, wordsOfErrno } from '../base/index.ts';
import type { Action } from './action.ts';
import { ExecError } from './error.ts';
import type { Executor, RunOptions } from './executor.ts';
import { hasIds } from './known-ids.ts';
import type { Outcome } from './outcome.ts';
import { type Controllers, findControllers } from './resources/find-controllers.ts';
import { ResourceGroup } from './resources/resource-group.ts';
import type { ProcessOrder, RunResult } from './spawner/messages.ts';
import { Spawner } from './spawner/spawner.ts';
import { hostStart } from './start/host-start.ts';
import { explainObstacle } from './start/sandbox-obstacle.ts';
import { isSandboxAction, sandboxStart } from './start/sandbox-start.ts';
import { seccompFilter } from './start/seccomp-filter.ts';
import type { StartProgram } from './start/start-script.ts';
import { isScriptMachine } from './start/system-call-script.ts';

const text = byteStringFromText;

/** Runs actions through a spawner process (docs/adr/0007). */
export class LocalExecutor implements Executor {
  readonly #spawner = new Spawner();
  #obstacle: Promise<string | undefined> | undefined;
  #filter: Uint8Array | undefined;
  #controllers: Controllers | undefined;

  async run(action: Action, options: RunOptions): Promise<Outcome> {
    const { signal } = options;
    signal?.throwIfAborted();
    const start = this.#start(action);
    const resources = action.place.kind === 'sandbox' ? action.place.resources : undefined;
    // Disposed of when no process of the action is left.
    await using group = resources === undefined ? undefined : ResourceGroup.make(resources, this.#findControllers());
    const result = await this.#spawner.run(orderOf(action, start, group?.folders), options);
    signal?.throwIfAborted();
    const outcome = outcomeOf(result, start);
    const reached = group?.reached() ?? [];
    return outcome.kind === 'not-executable' || reached.length === 0 ? outcome : { ...outcome, reached };
  }

  /** Looked for once: they are those of this process's own groups. */
  #findControllers(): Controllers {
    this.#controllers ??= findControllers();
    return this.#controllers;
  }

  #start(action: Action): StartProgram {
    const machine = process.arch;
    this.#filter ??= seccompFilter(machine);
    if (process.platform !== 'linux' || !isScriptMachine(machine) || this.#filter === undefined) {
      throw new ExecError('exec/no-process', noMachine());
    }
    if (!isSandboxAction(action)) return hostStart(action, machine);
    const { outsideUser, allowsSetuid = false } = action.place;
    return sandboxStart(action, {
      machine,
      outside: outsideUser ?? { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 },
      filter: allowsSetuid ? undefined : this.#filter,
    });
  }

  sandboxObstacle(): Promise<string | undefined> {
    this.#obstacle ??= this.#findObstacle();
    return this.#obstacle;
  }

  /** Tries to run nothing in an empty sandbox, as somebody else if we are root: that needs most. */
  async #findObstacle(): Promise<string | undefined> {
    try {
      await this.run(emptyAction(), { output: () => undefined });
      return undefined;
    } catch (error) {
      if (error instanceof ExecError && error.code === 'exec/no-process') throw error;
      if (error instanceof ExecError) return error.message;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spawner[Symbol.asyncDispose]();
  }
}

function orderOf(
  action: Action,
  { program, cloneEntry }: StartProgram,
  resourceGroups: readonly string[] = [],
): ProcessOrder {
  const { place, limits, output, endsWithOutput = false } = action;
  const common = { program, cloneEntry, limits, output, endsWithOutput };
  if (place.kind === 'host') return { ...common, user: place.user, ids: undefined, controlGroups: [] };
  const { outsideUser, idCount, controlGroup } = place;
  const controlGroups = [...(controlGroup === undefined ? [] : [controlGroup]), ...resourceGroups];
  if (idCount === undefined) return { ...common, user: outsideUser, ids: undefined, controlGroups };
  if (outsideUser === undefined) throw new TypeError('many ids of nobody');
  return { ...common, user: undefined, ids: { first: outsideUser, count: idCount }, controlGroups };
}

function outcomeOf(result: RunResult, start: StartProgram): Outcome {
  if (result.kind === 'ran') return result.outcome;
  const reason = wordsOfErrno(result.errno);
  if (result.kind === 'no-ids') throw new ExecError('exec/no-sandbox', `cannot give user ids to a sandbox: ${reason}`);
  if (result.kind === 'no-control-group')
    throw new ExecError('exec/no-control-group', `cannot put a process into its control group: ${reason}`);
  if (result.kind === 'not-started') throw new ExecError('exec/no-process', `cannot start a process: ${reason}`);
  if (result.entry === undefined) throw new ExecError('exec/no-process', `what starts the program ended: ${reason}`);
  const { of, what } = start.describe(result.entry);
  switch (of) {
    case 'program':
      return { kind: 'not-executable', errno: result.errno, reason };
    case 'groups':
      throw new ExecError('exec/keeps-groups', `supplementary groups cannot be dropped: ${reason}`);
    case 'mounts':
      throw new ExecError('exec/bad-mount', `cannot make the place of the program: ${what}: ${reason}`);
    case 'namespaces':
      throw new ExecError('exec/no-sandbox', explainObstacle(what, reason));
    default:
      return unreachable(of);
  }
}

const nobody = { user: 65534, group: 65534 };

function emptyAction(): Action {
  return {
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
      outsideUser: process.getuid?.() === 0 && hasIds(nobody) ? nobody : undefined,
    },
    limits: {},
    output: 'pipe',
  };
}

function noMachine(): string {
  return `actions run on x86-64 and aarch64 Linux, not on ${process.platform}-${process.arch}`;
}
