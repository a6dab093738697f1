import { spawnSync } from 'node:child_process';
import { type ByteString, byteStringFromText, systemErrorText } from '../../base/index.ts';
import { type Word, coerceToPath, kindOf } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import { type Place, editorCommand, packagePlace } from './editor-command.ts';
import type { Outcome, Repl } from './repl.ts';

/** `:edit`: the file of a function or package in the user's editor; then all files are loaded again. */
export function openInEditor(repl: Repl, text: ByteString): Outcome {
  const place = placeOf(repl, repl.evaluate(text), text);
  const [program = 'cat', ...args] = editorCommand(place);
  repl.context.out.flush();
  repl.context.log.stopProgress();
  const { error, status } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) {
    throw new CliError('repl/editor-failed', `cannot start the editor '${program}': ${systemErrorText(error)}`);
  }
  if (status !== 0) throw new CliError('repl/editor-failed', `program '${program}' failed with exit code ${status}`);
  return repl.reload();
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
  const origin = positions.origin(position);
  if (found === undefined || origin?.kind !== 'file') {
    throw new CliError('repl/no-place', `'${positions.format(position)}' cannot be shown in an editor`);
  }
  return { path: byteStringFromText(origin.path), line: found.line };
}
