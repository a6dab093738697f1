import { byteStringFromLatin1 } from '../../base/index.ts';
import type { Action, Personality } from '../action.ts';
import { type Label, type ScriptMachine, SystemCallScript, reportDescriptor } from './system-call-script.ts';

/** Open in the program; its other end is with whoever started it, and closes when that ends. */
export const lifeDescriptor = reportDescriptor + 1;

/** Executables that become an action's program when they are executed, with what they are to be told apart by. */
export interface StartProgram {
  readonly program: Uint8Array;
  /** What failed, by the index of the call. */
  readonly describe: (entry: number) => StartFailure;
  /** The call whose result is the id of the process that becomes the program, if another one does. */
  readonly cloneEntry?: number | undefined;
}

/**
 * `groups`: taking our groups away. `namespaces`: what no sandbox can do without. `mounts`: what this one shows. `program`:
 * executing it.
 */
export interface StartFailure {
  readonly of: 'groups' | 'namespaces' | 'mounts' | 'program';
  readonly what: string;
}

/** The calls that every start has, in stages that a failure is described by. */
export class StartScript {
  readonly script: SystemCallScript;
  readonly #stages: { readonly from: number; readonly failure: StartFailure }[] = [];
  readonly #leave: Label = { entry: undefined };

  constructor(machine: ScriptMachine) {
    this.script = new SystemCallScript(machine);
  }

  /** The calls that follow do `what`. */
  stage(of: StartFailure['of'], what: string): void {
    this.#stages.push({ from: this.script.callCount, failure: { of, what } });
  }

  /** The process waits until whoever started it says that it may go on, or has ended. */
  waitForStarter(): void {
    const readable = 2 ** 32;
    this.script.call('ppoll', [this.script.words([lifeDescriptor + readable]), 1, 0, 0]);
  }

  takePersonality({ linux32 = false, linux26 = false, fixedAddresses = false }: Personality): void {
    const flags = (linux32 ? 0x0008 : 0) | (linux26 ? 0x0020000 : 0) | (fixedAddresses ? 0x0040000 : 0);
    this.script.call('personality', [flags]);
  }

  /** The process dies with the one that it is a child of, which may have ended before it could say so. */
  dieWithParent(): void {
    const [setDeathSignal, SIGKILL] = [1, 9];
    this.script.call('prctl', [setDeathSignal, SIGKILL, 0, 0, 0]);
    const noTime = this.script.words([0, 0]);
    this.script.call('ppoll', [this.script.words([lifeDescriptor]), 1, noTime, 0], { onPositive: this.#leave });
  }

  /** The process becomes the action's program, with the standard streams alone. */
  become({ program, programsBefore = [], argv, environment, umask = 0o022 }: Action): void {
    const { script } = this;
    const setDescriptorFlags = 2;
    for (const descriptor of [reportDescriptor, lifeDescriptor])
      script.call('fcntl', [descriptor, setDescriptorFlags, 1]);
    script.call('umask', [umask]);
    this.stage('program', 'executing the program');
    const variables = Array.from(environment, ([name, value]) => byteStringFromLatin1(`${name}=${value}`));
    const rest = [script.texts(argv), script.texts(variables)];
    for (const path of programsBefore) script.call('execve', [script.text(path), ...rest], { onError: 'next' });
    script.call('execve', [script.text(program), ...rest]);
  }

  finish(cloneEntry?: number): StartProgram {
    this.script.place(this.#leave);
    this.script.call('exit_group', [127]);
    return { program: this.script.assemble(), cloneEntry, describe: entry => this.#describe(entry) };
  }

  #describe(entry: number): StartFailure {
    return this.#stages.findLast(({ from }) => from <= entry)?.failure ?? { of: 'namespaces', what: 'starting' };
  }
}
