import { faint, normal } from './ansi.ts';
import { formatDuration } from './format-duration.ts';
import type { ProgressState } from './progress-state.ts';

/** Lines that a tree takes at most, if the terminal has so many. */
const mostLines = 10;

/**
 * What goes on side by side, one line each with the time that it has taken, and how much waits; none where one line says
 * it all.
 */
export function progressTree(state: ProgressState, now: number, height: number): string[] {
  const running = state.running(now);
  if (running.length < 2) return [];
  const { done, expected, running: building, failed } = state.totals('builds');
  const waiting = Math.max(0, expected - done - building - failed);
  const room = Math.max(1, Math.min(mostLines, height - 3) - (waiting > 0 ? 1 : 0));
  const shown = running.length > room ? running.slice(0, room - 1) : running;
  const lines = shown.map(({ text, startedAt }) => {
    const time = formatDuration(now - startedAt);
    return time === '' ? text : `${faint}${time}${normal} ${text}`;
  });
  if (shown.length < running.length) lines.push(`and ${running.length - shown.length} more`);
  if (waiting > 0) lines.push(waiting === 1 ? '1 build waits' : `${waiting} builds wait`);
  return lines.map((line, at) => `${at === lines.length - 1 ? '└─' : '├─'} ${line}`);
}
