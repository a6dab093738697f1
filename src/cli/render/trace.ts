const traces = new WeakMap<Error, readonly string[]>();

/** Has `error` shown with a line `… while ...` before it. What is added later is shown further out. */
export function addTrace(error: Error, line: string): void {
  traces.set(error, [line, ...tracesOf(error)]);
}

export function tracesOf(error: unknown): readonly string[] {
  return error instanceof Error ? (traces.get(error) ?? []) : [];
}
