/** What became of a program. */
export type Answer =
  | { readonly kind: 'value'; readonly value: string }
  /** The innermost message, and where it is: `at FILE:LINE:COLUMN:`, or nothing. */
  | { readonly kind: 'error'; readonly message: string; readonly place: string };

export function formatAnswer(answer: Answer): string {
  return answer.kind === 'value' ? answer.value : `error: ${answer.message} ${answer.place}`.trimEnd();
}

/** White space and lines are not compared. */
export function plainMessage(text: string): string {
  return text
    .replaceAll(/\x1b\[[0-9;]*m/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
