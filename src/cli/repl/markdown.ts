import { wrapWords } from '../render/wrap-words.ts';

const bold = '\u001b[1m';
const italic = '\u001b[3m';
const normal = '\u001b[0m';

/** Text beyond it is hard to read. */
const widest = 80;

/** How Markdown is shown. */
export interface MarkdownOptions {
  readonly colours: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

/**
 * Markdown as a terminal shows it: paragraphs are filled, code keeps its lines and is indented, marks of emphasis become
 * colours or vanish. What else there is in Markdown stays as it is written.
 */
export function renderMarkdown(markdown: string, options: MarkdownOptions): string {
  const blocks: string[] = [];
  let paragraph: string[] = [];
  let code: string[] | undefined;
  const endParagraph = () => {
    if (paragraph.length > 0) blocks.push(fillParagraph(paragraph, options));
    paragraph = [];
  };
  for (const line of markdown.split('\n')) {
    if (/^ {0,3}```/.test(line)) {
      endParagraph();
      if (code !== undefined) blocks.push(code.map(each => `    ${each}`.trimEnd()).join('\n'));
      code = code === undefined ? [] : undefined;
    } else if (code !== undefined) code.push(line);
    else if (line.trim() === '') endParagraph();
    else if (/^\s*([-*+>]|\d+\.)\s|^#/.test(line)) {
      endParagraph();
      paragraph.push(line);
    } else paragraph.push(line);
  }
  endParagraph();
  if (code !== undefined) blocks.push(code.map(each => `    ${each}`).join('\n'));
  return blocks.join('\n\n');
}

function fillParagraph(lines: readonly string[], { colours, width }: MarkdownOptions): string {
  // A backslash at a line's end keeps that end.
  const text = lines.join('\n').split(/\\\n/);
  const columns = Math.max(20, Math.min(width, widest));
  return text.map(part => styleInline(wrapWords(part.replaceAll(/\s+/g, ' ').trim(), columns), colours)).join('\n');
}

function styleInline(text: string, colours: boolean): string {
  const style = (escape: string) => (_: string, inner: string) => (colours ? `${escape}${inner}${normal}` : inner);
  return text
    .split(/(`[^`]+`)/)
    .map((part, index) => {
      if (index % 2 === 1) return style(bold)(part, part.slice(1, -1));
      return part
        .replaceAll(/\*\*([^*]+)\*\*/g, style(bold))
        .replaceAll(/(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])/g, style(italic))
        .replaceAll(/(?<!\w)_([^_\s](?:[^_]*[^_\s])?)_(?!\w)/g, style(italic));
    })
    .join('');
}
