import type { Token } from './explain.ts';

export interface Comment {
  readonly kind: 'line' | 'block' | 'documentation';
  /** In bytes of the text, with the signs that begin and end it. */
  readonly start: number;
  readonly end: number;
}

const pattern = /#[^\r\n]*|\/\*[^]*?\*\//g;

/** The comments of a text: what is between its tokens is nothing but blanks and comments. */
export function findComments(text: Uint8Array, tokens: readonly Token[]): readonly Comment[] {
  const comments: Comment[] = [];
  let from = 0;
  for (const { start, end } of tokens) {
    if (start > from) {
      const gap = Buffer.from(text.buffer, text.byteOffset + from, start - from).toString('latin1');
      for (const match of gap.matchAll(pattern)) {
        const [found] = match;
        const at = from + match.index;
        comments.push({ kind: kindOf(found), start: at, end: at + found.length });
      }
    }
    from = Math.max(from, end);
  }
  return comments;
}

function kindOf(comment: string): Comment['kind'] {
  if (comment.startsWith('#')) return 'line';
  return /^\/\*\*[^/*]/.test(comment) ? 'documentation' : 'block';
}
