import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import { derivationBuiltins } from './derivation.ts';
import { fileBuiltins } from './files.ts';
import { importBuiltins } from './import.ts';
import { jsonBuiltins } from './json.ts';
import { contextBuiltins } from './string-context.ts';
import { textBuiltins } from './text.ts';
import { xmlBuiltins } from './xml.ts';

/** A builtin that needs the host. */
export interface HostBuiltin {
  /** Its global name. */
  readonly name: string;
  readonly arity: number;
  /** `args` is the address of its arguments, a word each. The result may be a cell. */
  readonly call: (evaluator: Evaluator, args: number) => Word;
}

export const hostBuiltins: readonly HostBuiltin[] = [
  ...contextBuiltins,
  ...derivationBuiltins,
  ...fileBuiltins,
  ...importBuiltins,
  ...jsonBuiltins,
  ...textBuiltins,
  ...xmlBuiltins,
];
