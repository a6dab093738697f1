import type { SourcePosition } from '../../base/index.ts';
import { magenta, normal } from './ansi.ts';
import { formatPosition } from './format-position.ts';

/** A warning of an expression's own, in C++ Nix's words. */
export function formatWarning(text: string): string {
  return `${magenta}evaluation warning:${normal} ${text.replaceAll('\n', `\n${' '.repeat('evaluation warning: '.length)}`)}`;
}

/** A warning and where it belongs. The lines below the first are indented by what stands before it. */
export function locateWarning(message: string, position: SourcePosition | undefined): string {
  if (position === undefined) return message;
  return `${message}\n${formatPosition(position).trimEnd()}`.replaceAll('\n', `\n${' '.repeat('warning: '.length)}`);
}
