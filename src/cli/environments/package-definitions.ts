import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromText, bytesOf } from '../../base/index.ts';
import { type Word, importFile, parentOf, quoteNameBytes } from '../../eval/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';

/** More expressions in a folder are refused. */
const maxExpressions = 1024;

/**
 * The value of the expression at `path`; of a folder without `default.nix`, a set of all expressions in it and below.
 * To be called within `Evaluation.perform`. Throws what evaluating throws, and `definitions/…`.
 */
export function evaluateDefinitions(evaluation: Evaluation, path: ByteString, context: CommandContext): Word {
  const { evaluator } = evaluation;
  const place = path.toString();
  const isFolder = statSync(bytesOf(path), { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder || existsSync(join(place, 'default.nix'))) return evaluator.run(() => importFile(evaluator, path));
  const expressions = new Map<string, string>();
  collectExpressions(place, expressions, context);
  const members = Array.from(expressions, ([name, file]) => {
    return `${quoteNameBytes(byteStringFromText(name))} = import (/. + ${JSON.stringify(file).replaceAll('${', '\\${')});`;
  });
  const text = `{ _combineChannels = [ ]; ${members.join(' ')} }`;
  const origin = { kind: 'text', name: '«definitions»' } as const;
  return evaluator.evaluate(evaluator.parse(Buffer.from(text), origin, parentOf(path)));
}

function collectExpressions(folder: string, found: Map<string, string>, context: CommandContext): void {
  for (const name of readdirSync(folder).toSorted()) {
    if (name === 'manifest.nix') continue;
    let path: string;
    try {
      path = realpathSync(join(folder, name));
    } catch {
      // A link that leads nowhere, as those to channels that are not there yet.
      continue;
    }
    const isFolder = statSync(path).isDirectory();
    if (isFolder ? existsSync(join(path, 'default.nix')) : path.endsWith('.nix')) {
      addExpression(name.replace(/\.nix$/, ''), path, { folder, found, context });
    } else if (isFolder) collectExpressions(path, found, context);
  }
}

interface Collecting {
  readonly folder: string;
  readonly found: Map<string, string>;
  readonly context: CommandContext;
}

function addExpression(name: string, path: string, { folder, found, context }: Collecting): void {
  if (found.has(name)) {
    const isChannel = path.includes('channels') && folder.includes('channels');
    const advice = isChannel ? `\nsuggestion: remove '${name}' from either the root channels or the user channels` : '';
    context.log.warn(`name collision in input Nix expressions, skipping '${path}'${advice}`);
    return;
  }
  if (found.size >= maxExpressions - 1) {
    throw new CliError('definitions/too-many', `too many Nix expressions in directory '${folder}'`);
  }
  found.set(name, path);
}
