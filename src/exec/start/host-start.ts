import type { Action } from '../action.ts';
import { type StartProgram, StartScript } from './start-script.ts';
import type { ScriptMachine } from './system-call-script.ts';

/** Becomes the program of `action` where it is, in the host. */
export function hostStart(action: Action, machine: ScriptMachine): StartProgram {
  const start = new StartScript(machine);
  const { script } = start;
  start.stage('namespaces', 'starting');
  start.dieWithParent();
  if (action.place.personality !== undefined) start.takePersonality(action.place.personality);
  start.stage('mounts', 'entering the working folder');
  script.call('chdir', [script.text(action.workingFolder)]);
  start.stage('namespaces', 'starting');
  start.become(action);
  return start.finish();
}
