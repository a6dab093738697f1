import type { Reporter } from '../../base/index.ts';
import type { OutputName, StorePath } from '../../nix-compat/index.ts';
import { EngineError, type EngineErrorCode } from '../error.ts';
import type { MachineBuild, MachineBuildProgress } from './build-on-machine.ts';

/** A builder that failed where somebody else ran it, of which all has been told but that. */
export class BuilderFailedElsewhere extends EngineError {
  /** `failed with exit code 1`. */
  readonly end: string;

  constructor(
    end: string,
    { code = 'machine/build-failed', who = 'the builder' }: { code?: EngineErrorCode; who?: string } = {},
  ) {
    super(code, `${who} ${end}`);
    this.end = end;
  }
}

/** Somebody else who has taken a build; to be disposed of when that has ended. */
export interface BuildTaker extends Disposable {
  /** What messages call it. */
  readonly uri: string;
  /** Throws `MachineUnreachable` where nobody is there after all. */
  begin(options: { readonly signal: AbortSignal; readonly reporter: Reporter }): Promise<TakenBuild>;
}

/** A build that somebody else does. */
export interface TakenBuild {
  /** Whose log comes beside messages: `write` gets it, each chunk lent, until another or nobody does. */
  passLogTo(write: ((chunk: Uint8Array) => void) | undefined): void;
  /**
   * Has it built, and its outputs made valid in our store: where those are that are told, the others being known from the
   * derivation or by realisations. Throws `machine/build-failed`, `BuilderFailedElsewhere`, `BuildError`, and what is wrong with the connection.
   */
  run(build: MachineBuild, progress: MachineBuildProgress): Promise<ReadonlyMap<OutputName, StorePath>>;
  /** Resolves when all of the log has come. */
  finishLog(): Promise<void>;
  /** To be called once nothing more is done with it; resolves when nothing more comes of it, either. */
  end(isGood: boolean): Promise<void>;
  /** That whoever builds is gone. */
  noteLoss(): void;
}
