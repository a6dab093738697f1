import { type ByteString, brandAs } from '../../base/index.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import { argument, forcePlainString } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

const bytes = (text: string): ByteString => brandAs<ByteString>(text);

function parseDrvName(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const doing = 'while evaluating the first argument passed to builtins.parseDrvName';
  const full = forcePlainString(evaluator, argument(evaluator, args, 0), doing);
  // The version begins after the first dash that no letter follows.
  const at = full.search(/-[^A-Za-z]/s);
  const name = at < 0 ? full : full.slice(0, at);
  const version = at < 0 ? '' : full.slice(at + 1);
  return core.set([
    [bytes('name'), core.string(bytes(name))],
    [bytes('version'), core.string(bytes(version))],
  ]);
}

/** Runs of digits, and runs of what is neither digit, dot nor dash. */
function versionComponents(version: ByteString): string[] {
  return version.match(/[0-9]+|[^0-9.-]+/gs) ?? [];
}

function splitVersion(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const doing = 'while evaluating the first argument passed to builtins.splitVersion';
  const version = forcePlainString(evaluator, argument(evaluator, args, 0), doing);
  return core.list(versionComponents(version).map(component => core.string(bytes(component))));
}

/** The number that a component is where it fits 32 bits. */
function componentNumber(component: string): number | undefined {
  if (!/^[0-9]+$/.test(component)) return undefined;
  const value = Number(component);
  return value <= 0x7fffffff ? value : undefined;
}

function isComponentLess(a: string, b: string): boolean {
  const x = componentNumber(a);
  const y = componentNumber(b);
  if (x !== undefined && y !== undefined) return x < y;
  if (a === '' && y !== undefined) return true;
  if (a === 'pre' && b !== 'pre') return true;
  if (b === 'pre') return false;
  if (y !== undefined) return true;
  if (x !== undefined) return false;
  return a < b;
}

export function compareVersions(a: ByteString, b: ByteString): -1 | 0 | 1 {
  const left = versionComponents(a);
  const right = versionComponents(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const x = left[i] ?? '';
    const y = right[i] ?? '';
    if (isComponentLess(x, y)) return -1;
    if (isComponentLess(y, x)) return 1;
  }
  return 0;
}

function compareVersionsOf(evaluator: Evaluator, args: number): Word {
  const firstText = 'while evaluating the first argument passed to builtins.compareVersions';
  const a = forcePlainString(evaluator, argument(evaluator, args, 0), firstText);
  const secondText = 'while evaluating the second argument passed to builtins.compareVersions';
  const b = forcePlainString(evaluator, argument(evaluator, args, 1), secondText);
  return evaluator.core.int(BigInt(compareVersions(a, b)));
}

export const versionBuiltins: readonly HostBuiltin[] = [
  { name: '__parseDrvName', arity: 1, call: parseDrvName },
  { name: '__splitVersion', arity: 1, call: splitVersion },
  { name: '__compareVersions', arity: 2, call: compareVersionsOf },
];
