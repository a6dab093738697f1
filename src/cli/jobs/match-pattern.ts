/** Whether a text matches a pattern of fnmatch(3) without flags: `*`, `?`, `[a-z]`, `[!a]`, and a backslash before these. */
export function matchesPattern(pattern: string, text: string): boolean {
  return new RegExp(`^${toExpression(pattern)}$`, 's').test(text);
}

function toExpression(pattern: string): string {
  let expression = '';
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    const end = character === '[' ? endOfBrackets(pattern, at) : undefined;
    if (character === '*') expression += '.*';
    else if (character === '?') expression += '.';
    else if (end !== undefined) {
      const inner = pattern
        .slice(at + 1, end)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\');
      expression += `[${inner.replace(/^(\^?)\]/, String.raw`$1\]`)}]`;
      at = end;
    } else {
      const isEscape = character === '\\' && at + 1 < pattern.length;
      expression += RegExp.escape(isEscape ? (pattern[++at] ?? '') : character);
    }
  }
  return expression;
}

/** Where the brackets end that begin at `at`; a bracket that comes first is one of the characters. */
function endOfBrackets(pattern: string, at: number): number | undefined {
  const first = pattern[at + 1] === '!' || pattern[at + 1] === '^' ? at + 2 : at + 1;
  const end = pattern.indexOf(']', first + 1);
  return end < 0 ? undefined : end;
}
