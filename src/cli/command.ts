import type { ByteString } from '../base/index.ts';
import type { Flag, Positional } from './args/flag.ts';
import type { CommandGroup, Parseable } from './args/parse-command.ts';
import type { LegacyGrammar } from './args/parse-legacy.ts';
import type { Environment } from './environment.ts';
import type { Modes } from './modes.ts';
import type { Logger } from './render/logger.ts';
import type { StandardOutput } from './render/standard-output.ts';
import type { InvocationSettings } from './settings/invocation-settings.ts';

/** What a command has to do with the world. */
export interface CommandContext {
  /** The name by which we were called: `nix`, `firn`, `nix-store`. */
  readonly program: string;
  /** Where relative paths of the command line start, but for those of the system: the working folder, or a script's. */
  readonly baseFolder: ByteString;
  readonly out: StandardOutput;
  /** The `Reporter` to hand on to what does the work. */
  readonly log: Logger;
  readonly settings: InvocationSettings;
  readonly environment: Environment;
  readonly modes: Modes;
  /**
   * Aborted when the user interrupts. Commands that do not ask for it are ended by the operating system; one that does
   * must let go of everything soon after.
   */
  readonly signal: AbortSignal;
  /** What lives as long as the command: disposed of when it has ended, the latest first. */
  readonly resources: AsyncDisposableStack;
}

/** A command of `nix` or `firn`, made anew for each invocation: its flags fill in what `run` then works on. */
export interface Command extends Parseable {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  /** One line for `--help`. */
  readonly summary: string;
  /** Whether it can be had without the feature `nix-command`. */
  readonly isStable?: boolean;
  run(): void | Promise<void>;
}

export type CommandFactory = (context: CommandContext) => Command;

export type Commands = CommandGroup<Command>;

/** A command of its own name, `nix-store` and its like. */
export interface LegacyCommand extends LegacyGrammar {
  readonly summary: string;
  /** The arguments to parse in place of those of the command line. */
  readonly rewriteArguments?: (args: readonly ByteString[]) => readonly ByteString[];
  run(): void | Promise<void>;
}

export type LegacyCommandFactory = (context: CommandContext) => LegacyCommand;
