import type { ExperimentalFeature } from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import { controlBuiltins } from './control.ts';
import { derivationBuiltins } from './derivation.ts';
import { closureBuiltins } from './fetch-closure.ts';
import { fetchBuiltins } from './fetch.ts';
import { fileBuiltins } from './files.ts';
import { flakeRefBuiltins } from './flake-refs.ts';
import { hashBuiltins } from './hash.ts';
import { importBuiltins } from './import.ts';
import { jsonBuiltins } from './json.ts';
import { contextBuiltins } from './string-context.ts';
import { outputOfBuiltins } from './output-of.ts';
import { regexBuiltins } from './regex.ts';
import { tomlBuiltins } from './toml.ts';
import { timeBuiltins } from './time.ts';
import { versionBuiltins } from './versions.ts';

/** A builtin that needs the host. */
export interface HostBuiltin {
  /** Its global name. */
  readonly name: string;
  readonly arity: number;
  /** Whether expressions cannot name it. */
  readonly isInternal?: boolean;
  /** It is there only where one of these is enabled. */
  readonly features?: readonly ExperimentalFeature[];
  /** `args` is the address of its arguments, a word each. The result may be a cell. */
  readonly call: (evaluator: Evaluator, args: number) => Word;
}

export const hostBuiltins: readonly HostBuiltin[] = [
  ...closureBuiltins,
  ...contextBuiltins,
  ...controlBuiltins,
  ...derivationBuiltins,
  ...fetchBuiltins,
  ...fileBuiltins,
  ...flakeRefBuiltins,
  ...hashBuiltins,
  ...importBuiltins,
  ...jsonBuiltins,
  ...outputOfBuiltins,
  ...regexBuiltins,
  ...tomlBuiltins,
  ...timeBuiltins,
  ...versionBuiltins,
];
