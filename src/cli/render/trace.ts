const traces = new WeakMap<Error, readonly string[]>();

/** Runs `action`; what it throws is shown with the line `while ...` before it, outermost first. */
export function withTrace<T>(line: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error) traces.set(error, [line, ...tracesOf(error)]);
    throw error;
  }
}

export function tracesOf(error: unknown): readonly string[] {
  return error instanceof Error ? (traces.get(error) ?? []) : [];
}
