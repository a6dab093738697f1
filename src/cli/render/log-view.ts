import type { ActivityResult, ActivityStart, Verbosity } from '../../base/index.ts';

/** One way to show reports. Nothing here throws: there is nobody to tell. */
export interface LogView {
  /** Whether what builders write is shown in full. */
  readonly buildLogs: boolean;
  /** `text` may have colours. Views for people drop what is less important than they show. */
  log(level: Verbosity, text: string): void;
  logError(error: ShownError): void;
  startActivity(id: number, start: ActivityStart, parent: number | undefined): void;
  stopActivity(id: number): void;
  result(id: number, result: ActivityResult): void;
  /** Gives back what it holds. */
  close(): void;
}

export interface ShownError {
  /** The whole, with colours. */
  readonly text: string;
  /** The message alone. */
  readonly message: string;
}
