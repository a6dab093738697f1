import { magenta, normal } from './ansi.ts';

/** A warning of an expression's own, in C++ Nix's words. */
export function formatWarning(text: string): string {
  return `${magenta}evaluation warning:${normal} ${text.replaceAll('\n', `\n${' '.repeat('evaluation warning: '.length)}`)}`;
}
