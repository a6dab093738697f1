import { type ByteString, brandAs, byteStringFromText, bytesOf, displayBytes, sha256Hex } from '../base/index.ts';
import { formatFloat, printStorePath } from '../nix-compat/index.ts';
import { type CoreImports, type Remark, formatShortFloat, syntaxHost } from '../syntax/index.ts';
import { derivationBuiltin } from './builtins/derivation.ts';
import { closureContextOf, moduloHashOf, writeFixedOutput } from './builtins/derivation-parts.ts';
import { type HostBuiltin, hostBuiltins } from './builtins/table.ts';
import { baseNameOf, canonicalPathOf } from './canonical-path.ts';
import { EvalError, asEvalError } from './eval-error.ts';
import type { Evaluator } from './evaluator.ts';
import { mark } from './error-log.ts';
import { formatSixDigits } from './format-float.ts';
import { describeNotUtf8 } from './json/describe-not-utf8.ts';
import { MadeDerivationFile } from './made-derivations.ts';
import { type Word, addressOf, kindOf, setWordAt, wordAt, wordOfBits } from './word.ts';

/** What the core of `evaluator` imports: the functions of src/core/host.ts and src/core/syntax-host.ts. */
export function hostFunctions(
  evaluator: Evaluator,
  { onRemark }: { readonly onRemark: (remark: Remark) => void },
): CoreImports {
  const copies = new Map<ByteString, number>();
  let resolved = { line: 0, column: 0 };
  return {
    env: { abort: () => fault('the core has aborted') },
    host: {
      outOfMemory: () => {
        throw new EvalError('eval/out-of-memory', 'the evaluation needs more than 4 GiB of memory');
      },
      stackOverflow: (pos: number) => {
        const position = evaluator.positions.resolve(pos);
        const error = new EvalError('eval/stack-overflow', 'stack overflow; max-call-depth exceeded', { position });
        throw stopAt(evaluator, error);
      },
      fail: (kind: number, pos: number, template: number, ...words: [bigint, bigint]) => {
        const [a, b] = words;
        const mentioned = [BigInt.asUintN(64, a), BigInt.asUintN(64, b)] as const;
        throw stopAt(evaluator, evaluator.errors.errorOf(kind, pos, template, mentioned));
      },
      deriveByHost: (args: number) => callBuiltin(evaluator, derivationBuiltin, args),
      sha256: (bytes: number, length: number, to: number) => {
        const { memory } = evaluator.core;
        memory.setByteString(to, brandAs<ByteString>(sha256Hex(memory.bytes(bytes, length))));
      },
      fixedOutput: (name: number, hash: number, ...others: [number, number, number]) => {
        const [algorithm, mode, to] = others;
        writeFixedOutput(evaluator, { name, hash, algorithm, mode }, to);
      },
      moduloHash: (derivation: number, output: number) => moduloHashOf(evaluator, derivation, output),
      closureContext: (element: number) => closureContextOf(evaluator, element),
      derivationMade: (made: number) => {
        evaluator.io.addDerivation(new MadeDerivationFile(evaluator.core.memory, made, evaluator.io.storeDir));
      },
      throwDifference: (a: bigint, b: bigint) => {
        throw stopAt(evaluator, evaluator.errors.difference(wordOfBits(a), wordOfBits(b)));
      },
      throwNameDifference: (isLeft: number, symbol: number, ...sets: [bigint, bigint]) => {
        const [a, b] = sets;
        throw stopAt(evaluator, evaluator.errors.nameDifference(isLeft !== 0, symbol, [wordOfBits(a), wordOfBits(b)]));
      },
      rethrow: (failure: number) => {
        throw evaluator.errors.failure(failure);
      },
      copyToStore: (path: number) => copyToStore(evaluator, copies, path),
      formatShortFloat: (value: number) => evaluator.core.newString(byteStringFromText(formatShortFloat(value))),
      formatJsonFloat: (value: number) => evaluator.core.newString(byteStringFromText(formatFloat(value))),
      throwNotUtf8: (string: number) => {
        const wrong = describeNotUtf8(bytesOf(evaluator.core.memory.string(string)));
        const text = `JSON serialization error: ${mark(`[json.exception.type_error.316] ${wrong}`)}`;
        throw stopAt(evaluator, new EvalError('eval/error', text));
      },
      formatFloat: (value: number) => evaluator.core.newString(byteStringFromText(formatSixDigits(value))),
      canonicalPath: (text: number) => evaluator.core.newString(canonicalPathOf(evaluator.core.memory.string(text))),
      callHost: (id: number, args: number) => {
        callBuiltin(evaluator, hostBuiltins[id] ?? fault(`no builtin ${id}`), args);
      },
      trace: (word: bigint) => {
        const value = wordOfBits(word);
        const { memory } = evaluator.core;
        const isString = kindOf(memory, value) === 'string';
        const text = isString ? displayBytes(memory.string(addressOf(value))) : evaluator.print(value);
        evaluator.say({ kind: 'trace', text });
        evaluator.debugger?.stopAtTrace();
      },
      warn: (message: number) => {
        evaluator.say({ kind: 'program-warning', text: displayBytes(evaluator.core.memory.string(message)) });
        evaluator.debugger?.stopAtWarning();
        if (!evaluator.abortsOnWarning) return;
        const text = 'aborting to reveal stack trace of warning, as abort-on-warn is set';
        throw new EvalError('eval/warning', text);
      },
      resolvePosition: (pos: number) => {
        const origin = evaluator.positions.origin(pos);
        const position = evaluator.positions.resolve(pos);
        resolved = position ?? { line: 0, column: 0 };
        if (origin?.kind !== 'file' || position === undefined) return 0;
        return evaluator.core.newString(byteStringFromText(origin.path));
      },
      resolvedLine: () => resolved.line,
      resolvedColumn: () => resolved.column,
      stepped: () => evaluator.debugger?.step(),
      ...evaluator.observation?.hostFunctions(),
      tryForce: (at: number) => (tryForce(evaluator, at) ? 1 : 0),
    },
    'syntax-host': syntaxHost({
      bytes: (address, length) => evaluator.core.memory.bytes(address, length),
      string: address => evaluator.core.memory.string(address),
      newString: text => evaluator.core.newString(text),
      onRemark,
    }),
  };
}

/** Lets whoever debugs look at what is being evaluated before it is forgotten. Returns the error. */
function stopAt({ debugger: watcher }: Evaluator, error: EvalError): EvalError {
  return watcher?.stopAtError(error) ?? error;
}

/** The core finds the result where it has the host put it. */
function callBuiltin(evaluator: Evaluator, builtin: HostBuiltin, args: number): void {
  const isWatched = evaluator.debugger !== undefined;
  const result = isWatched ? callWatched(evaluator, builtin, args) : builtin.call(evaluator, args);
  setWordAt(evaluator.core.memory, evaluator.core.exports.resultAddress(), result);
}

function callWatched(evaluator: Evaluator, builtin: HostBuiltin, args: number): Word {
  try {
    return builtin.call(evaluator, args);
  } catch (thrown) {
    const error = thrown instanceof RangeError ? undefined : asEvalError(thrown);
    throw error === undefined ? thrown : stopAt(evaluator, error);
  }
}

function tryForce(evaluator: Evaluator, at: number): boolean {
  const word = wordAt(evaluator.core.memory, at);
  try {
    const force = () => evaluator.run(() => evaluator.core.force(word));
    if (evaluator.debugger === undefined) force();
    else evaluator.debugger.whileTrying(force);
    return true;
  } catch (error) {
    if (error instanceof EvalError && (error.code === 'eval/throw' || error.code === 'eval/assertion')) return false;
    throw error;
  }
}

/** The StringObject of a path's store path, with its context; each path is copied once. */
function copyToStore(evaluator: Evaluator, copies: Map<ByteString, number>, pathObject: number): number {
  const { core, io } = evaluator;
  const path = core.memory.string(core.memory.u32(pathObject + 8));
  const known = copies.get(path);
  if (known !== undefined) return known;
  if (path.endsWith('.drv')) {
    throw new EvalError('eval/error', `file names are not allowed to end in '${mark('.drv')}'`);
  }
  const real = evaluator.files.resolve(path, 'ancestors');
  const storePath = io.addPath({ path: real, name: displayBytes(baseNameOf(path)), method: 'nar' });
  const printed = printStorePath(io.storeDir, storePath);
  evaluator.access?.allow(printed);
  const string = core.newString(printed, core.newContext([brandAs<ByteString>(storePath)]));
  copies.set(path, string);
  return string;
}

function fault(message: string): never {
  throw new Error(message);
}
