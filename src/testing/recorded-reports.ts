import {
  type ActivityResult,
  type ActivityType,
  type Reporter,
  type Verbosity,
  createReporter,
  messageOf,
  resolveText,
} from '../base/index.ts';

/** What a recording reporter was told, in order. Activities are numbered from 0. */
export type RecordedReport =
  | { readonly kind: 'log'; readonly level: Verbosity; readonly text: string }
  | {
      readonly kind: 'start';
      readonly id: number;
      readonly type: ActivityType;
      readonly level: Verbosity;
      readonly text: string;
      readonly fields: readonly (number | string)[];
      readonly parent: number | undefined;
    }
  | { readonly kind: 'result'; readonly id: number; readonly result: ActivityResult }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'suspend' | 'resume' };

/** A reporter that shows everything, and what it was told so far. Warnings and errors are `log`s with their prefix. */
export function recordReports(): { readonly reporter: Reporter; readonly reports: RecordedReport[] } {
  const reports: RecordedReport[] = [];
  const log = (level: Verbosity, text: string): void => void reports.push({ kind: 'log', level, text });
  const reporter = createReporter({
    shows: () => true,
    log,
    warn: text => log('warn', `warning: ${text}`),
    logError: error => log('error', `error: ${messageOf(error)}`),
    startActivity: (id, { type, level = 'error', text, fields = [] }, parent) =>
      void reports.push({ kind: 'start', id, type, level, text: resolveText(text), fields, parent }),
    stopActivity: id => void reports.push({ kind: 'stop', id }),
    result: (id, result) => void reports.push({ kind: 'result', id, result }),
    suspend: () => {
      reports.push({ kind: 'suspend' });
      return { [Symbol.dispose]: () => void reports.push({ kind: 'resume' }) };
    },
  });
  return { reporter, reports };
}
