import { type ByteString, displayBytes } from '../../base/index.ts';
import { attributeComment, documentationOf, selectedAttribute } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import { renderMarkdown } from './markdown.ts';
import type { Repl } from './repl.ts';

const defaultWidth = 80;

/** `:doc`: what is known of a builtin, a function, or the attribute that an expression selects. */
export function showDocumentation(repl: Repl, text: ByteString): void {
  const { evaluator } = repl;
  const tree = repl.parse(text);
  const attribute = selectedAttribute(evaluator, tree, part => repl.scope.evaluateTree(part));
  const value = evaluator.force(repl.scope.evaluateTree(tree));
  const markdown = documentationOf(evaluator, value) ?? describeAttribute(repl, attribute);
  if (markdown === undefined) throw new CliError('repl/no-documentation', 'value does not have documentation');
  repl.context.out.line(render(repl, markdown).replaceAll(/^[ \n\r\t]+|[ \n\r\t]+$/g, ''));
}

function describeAttribute(
  { evaluator }: Repl,
  attribute: { readonly name: ByteString; readonly position: number } | undefined,
): string | undefined {
  if (attribute === undefined || attribute.position === 0) return undefined;
  const comment = attributeComment(evaluator, attribute.position) || 'No documentation found.\n\n';
  const place = evaluator.positions.format(attribute.position);
  return `Attribute \`${displayBytes(attribute.name)}\`\n\n  … defined at ${place}\n\n${comment}`;
}

function render({ context }: Repl, markdown: string): string {
  // For records of conversations.
  if (process.env['_NIX_TEST_RAW_MARKDOWN'] === '1') return markdown;
  const { isTerminal } = context.out;
  const width = isTerminal ? process.stdout.columns : defaultWidth;
  return renderMarkdown(markdown, { colours: isTerminal && context.log.colours, width });
}
