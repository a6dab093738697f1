import { type ByteString, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import { parentOf } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { locateFile } from '../evaluation/source-expression.ts';

/**
 * The tree of the file that an operand of `nix-shell` means: in a folder `shell.nix`, else `default.nix`. Relative paths
 * start at `folder`, else at the working directory. Throws `shell/no-file`, and what parsing throws.
 */
export function parseShellFile(
  evaluation: Evaluation,
  operand: ByteString,
  { folder }: { readonly folder: ByteString | undefined },
): number {
  const { evaluator } = evaluation;
  const isRelative = folder !== undefined && !/^[/<]/.test(operand);
  const located = locateFile(evaluation, isRelative ? byteStringFromLatin1(`${folder}/${operand}`) : operand);
  const path = chooseFile(evaluation, located);
  return evaluator.parse(evaluator.files.read(path), { kind: 'file', path: displayBytes(path) }, parentOf(path));
}

function chooseFile({ evaluator, context }: Evaluation, located: ByteString): ByteString {
  const { files, io } = evaluator;
  const fallback = files.resolveExpression(located);
  if (io.stat(files.resolve(located))?.type !== 'directory') return fallback;
  const folder = parentOf(fallback);
  const preferred = byteStringFromLatin1(`${folder}/shell.nix`);
  const exists = (path: ByteString) => io.stat(files.resolve(path)) !== undefined;
  if (exists(preferred)) {
    const setting = 'nix-shell-always-looks-for-shell-nix';
    if (context.settings.get(setting)) return preferred;
    const reason = `because the setting '${setting}' is disabled. This is a deprecated behavior. Consider enabling '${setting}'.`;
    context.log.warn(`Skipping '${displayBytes(preferred)}', ${reason}`);
  }
  if (exists(fallback)) return fallback;
  const message = `neither 'shell.nix' nor 'default.nix' found in '${displayBytes(folder)}'`;
  throw new CliError('shell/no-file', message);
}
