/** What is legal but discouraged, by number (src/core/parser-state.ts, Remark). */
export const remarkKinds = [
  'cursed-or',
  'url-literal',
  'absolute-path-literal',
  'home-path-literal',
  'short-path-literal',
] as const;

export type RemarkKind = (typeof remarkKinds)[number];

/** A place that deserves a warning. */
export interface Remark {
  readonly kind: RemarkKind;
  /** Positions of the core. */
  readonly start: number;
  readonly end: number;
}

/** The setting that says what is done about a form of literals. */
export const lintSettings = {
  'url-literal': 'lint-url-literals',
  'absolute-path-literal': 'lint-absolute-path-literals',
  'home-path-literal': 'lint-absolute-path-literals',
  'short-path-literal': 'lint-short-path-literals',
} as const;

/** C++ Nix's message for a literal, whose text is `literal`. `mark` sets off what is mentioned. */
export function describeLiteral(
  kind: keyof typeof lintSettings,
  literal: string,
  isFatal: boolean,
  mark: (text: string) => string,
): string {
  const shown = mark(literal);
  const verdict = mark(isFatal ? 'disallowed' : 'discouraged');
  const notPortable =
    'literals are not portable. ' +
    `Consider replacing path literal '${shown}' by a string, relative path, or parameter`;
  return {
    'url-literal': `URL literals are ${verdict}. Consider using a string literal "${shown}" instead`,
    'absolute-path-literal': `absolute path ${notPortable}`,
    'home-path-literal': `home path ${notPortable}`,
    'short-path-literal': `relative path literal '${shown}' should be prefixed with '.' for clarity: './${shown}'`,
  }[kind];
}

/** C++ Nix's warning about `or` as a name; `place` is where the expression is, `source` its text. */
export function describeCursedOr(place: string, source: string): string {
  return (
    `at ${place}: This expression uses \`or\` as an identifier in a way that will change in a future Nix release.\n` +
    'Wrap this entire expression in parentheses to preserve its current meaning:\n' +
    `    (${source})\n` +
    'Give feedback at https://github.com/NixOS/nix/pull/11121'
  );
}
