/** A block of a page of the guide. */
export interface MarkedBlock {
  /** What the comment before it says. */
  readonly mark: string;
  readonly text: string;
}

/** The blocks of a page that have a comment before them: `file: NAME` has contents, `executed` commands with outputs. */
export function markedBlocks(page: string): MarkedBlock[] {
  const found = page.matchAll(/^<!-- (.*) -->\n\n```\w*\n([^]*?)^```$/gm);
  return Array.from(found, ([, mark = '', text = '']) => ({ mark, text }));
}

/** Whether `actual` is `expected`, in which three dots stand for anything. */
export function matchesOutput(actual: string, expected: string): boolean {
  const parts = expected.split('...').map(part => RegExp.escape(part));
  return new RegExp(`^${parts.join('[^]*?')}$`).test(actual);
}
