import { spawnSync } from 'node:child_process';
import { type ByteString, byteStringFromText, displayBytes, systemErrorText } from '../../base/index.ts';
import { type Word, coerceToPath, kindOf, select } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import { fsPathOf } from '../paths.ts';
import type { Repl } from './repl.ts';

interface Place {
  readonly path: ByteString;
  /** 0 for none in particular. */
  readonly line: number;
}

/** `:edit`: the file of a function or package in the user's editor; then all files are loaded again. */
export function openInEditor(repl: Repl, text: ByteString): void {
  const { path, line } = placeOf(repl, repl.evaluate(text), text);
  const editor = process.env['EDITOR'] ?? 'cat';
  const [program = 'cat', ...args] = editor.split(/[ \t\n\r]+/).filter(word => word !== '');
  // These take a line's number before the file.
  if (line > 0 && /emacs|nano|vim|kak/.test(editor)) args.push(`+${line}`);
  repl.context.out.flush();
  repl.context.log.stopProgress();
  const { error, status } = spawnSync(program, [...args, String(fsPathOf(path))], { stdio: 'inherit' });
  if (error !== undefined) {
    throw new CliError('repl/editor-failed', `cannot start the editor '${program}': ${systemErrorText(error)}`);
  }
  if (status !== 0) throw new CliError('repl/editor-failed', `program '${program}' failed with exit code ${status}`);
  repl.reload();
}

function placeOf({ evaluator }: Repl, value: Word, text: ByteString): Place {
  const { core, positions } = evaluator;
  const kind = kindOf(core.memory, value);
  if (kind === 'path' || kind === 'string') {
    return {
      path: evaluator.run(() => coerceToPath(evaluator, value, 'while evaluating the filename to edit')).path,
      line: 0,
    };
  }
  if (kind !== 'lambda') return packagePlace(evaluator, value, text);
  const position = core.lambdaPosition(value) ?? 0;
  const found = positions.resolve(position);
  if (found === undefined || positions.origin(position)?.kind !== 'file') {
    throw new CliError('repl/no-place', `'${positions.format(position)}' cannot be shown in an editor`);
  }
  return { path: byteStringFromText(found.file), line: found.line };
}

/** What `meta.position` of a package says: `FILE:LINE`. */
function packagePlace(evaluator: Repl['evaluator'], value: Word, what: ByteString): Place {
  const position = findPosition(evaluator, value);
  if (position === undefined) {
    throw new CliError('repl/no-place', `package '${displayBytes(what)}' has no source location information`);
  }
  const doing = "while evaluating the 'meta.position' attribute of a derivation";
  const { path } = evaluator.run(() => coerceToPath(evaluator, position, doing));
  const [, file, line] = /^(.*):([0-9]+)$/s.exec(path) ?? [];
  if (file === undefined) {
    throw new CliError('repl/no-place', `cannot parse 'meta.position' attribute '${displayBytes(path)}'`);
  }
  return { path: byteStringFromText(file), line: Number(line) };
}

function findPosition(evaluator: Repl['evaluator'], value: Word): Word | undefined {
  try {
    return select(evaluator, byteStringFromText('meta.position'), new Map(), value);
  } catch {
    return undefined;
  }
}
