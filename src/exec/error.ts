import { FirnError } from '../base/index.ts';

/** Codes never change their meaning. */
export const execErrorCodes = [
  /** This machine cannot make sandboxes: the message says what to install or to enable. */
  'exec/no-sandbox',
  /** A mount of the sandbox could not be made: something that it shows is not there. */
  'exec/bad-mount',
  /** The process could not be started for want of something that has nothing to do with the action: memory, processes. */
  'exec/no-process',
  /** The control group that the action was to be in cannot be entered. */
  'exec/no-control-group',
  /** The groups of who starts the action cannot be taken from it. */
  'exec/keeps-groups',
  /** What the action may take cannot be limited here. */
  'exec/no-resources',
] as const;

export type ExecErrorCode = (typeof execErrorCodes)[number];

/** Why an action was not run at all. What became of a process that did run is an `Outcome`. */
export class ExecError extends FirnError<ExecErrorCode> {}
