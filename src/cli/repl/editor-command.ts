import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type Evaluator, type Word, coerceToPath, select } from '../../eval/index.ts';
import { CliError } from '../error.ts';

/** A place in a file. */
export interface Place {
  readonly path: ByteString;
  /** 0 for none in particular. */
  readonly line: number;
}

/** What `meta.position` of a package says: `FILE:LINE`. Throws `repl/no-place`. */
export function packagePlace(evaluator: Evaluator, value: Word, what: ByteString): Place {
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

function findPosition(evaluator: Evaluator, value: Word): Word | undefined {
  try {
    return select(evaluator, byteStringFromText('meta.position'), new Map(), value);
  } catch {
    return undefined;
  }
}

/** How the user's editor is called to show a place. */
export function editorCommand({ path, line }: Place): string[] {
  const editor = process.env['EDITOR'] ?? 'cat';
  const words = editor.split(/[ \t\n\r]+/).filter(word => word !== '');
  // These take a line's number before the file.
  const lineArgs = line > 0 && /emacs|nano|vim|kak/.test(editor) ? [`+${line}`] : [];
  return [...(words.length === 0 ? ['cat'] : words), ...lineArgs, displayBytes(path)];
}
