/** What the core asks of the host: the functions it imports. Those that say so throw a JavaScript exception. */

/** Throws. */
export declare function outOfMemory(): void;

/** The memory's buffer is another one from now on. */
export declare function memoryGrown(): void;

/** Throws. */
export declare function stackOverflow(pos: u32): void;

/** Throws an error (error.ts) at `pos`: its kind, the template of its text, and the words that this mentions. */
export declare function fail(kind: u32, pos: u32, template: usize, a: u64, b: u64): void;

/** Throws: two values that an assertion says are equal are not. */
export declare function throwDifference(a: u64, b: u64): void;

/** Throws: of two such sets one has an attribute that the other lacks. */
export declare function throwNameDifference(isLeft: bool, symbol: u32, a: u64, b: u64): void;

/** Throws what was thrown for a cell before: the error with this number. */
export declare function rethrow(failure: u32): void;

/** A StringObject: the store path that the file tree at a PathObject is copied to, with its context. */
export declare function copyToStore(path: usize): usize;

/** A StringObject: a float as `std::to_string` prints it, with six digits. */
export declare function formatFloat(value: f64): usize;

/** A StringObject: a float as C's `%g` prints it, with six digits at most. */
export declare function formatShortFloat(value: f64): usize;

/** A StringObject: a float as C++ Nix writes it in JSON. */
export declare function formatJsonFloat(value: f64): usize;

/** Throws: a StringObject is not UTF-8, which JSON has to be. */
export declare function throwNotUtf8(string: usize): void;

/** Makes a derivation of a builtin's arguments, of whatever kind. The result is `hostResult` then. */
export declare function deriveByHost(args: usize): void;

/** The SHA-256 of `length` bytes: writes its 64 digits in base16. */
export declare function sha256(bytes: usize, length: usize, to: usize): void;

/**
 * Of a fixed output: writes the addresses of three StringObjects, its printed path, method with algorithm, and hash. The
 * strings are what the attributes `name`, `outputHash`, `outputHashAlgo` and `outputHashMode` say, 0 for none.
 */
export declare function fixedOutput(name: usize, hash: usize, algorithm: usize, mode: usize, to: usize): void;

/** The digits of the hash modulo of a derivation's output, both StringObjects; 0 where that is not known yet. */
export declare function moduloHash(derivation: usize, output: usize): usize;

/** A ContextObject: in place of a derivation with all that it needs each of these, and all outputs of the derivations. */
export declare function closureContext(element: u32): usize;

/** Tells of a derivation, a Made object (derivation/made.ts). */
export declare function derivationMade(made: usize): void;

/** A StringObject: the absolute path in canonical form. */
export declare function canonicalPath(text: usize): usize;

/** Calls a builtin that is the host's; its arguments are words at `args`. The result is `hostResult` then. */
export declare function callHost(id: u32, args: usize): void;

/** Shows a value for `builtins.trace`. */
export declare function trace(word: u64): void;

/** Shows the message, a StringObject, of `builtins.warn`; throws where warnings are errors. */
export declare function warn(message: usize): void;

/** A StringObject: the file that the position is in; 0 where it is in none, though in a text. */
export declare function resolvePosition(pos: u32): usize;

/** Of the position that was resolved last, from 1. */
export declare function resolvedLine(): u32;

/** Of the position that was resolved last, in bytes from 1. */
export declare function resolvedColumn(): u32;

/** Evaluates the word at that address; whether that went well. Errors that `tryEval` catches are gone then. */
export declare function tryForce(at: usize): bool;

/** While calls are looked at: before `callee`, which need not be evaluated, is called with arguments at `words`. */
export declare function callEntered(callee: u64, words: usize, pos: u32): void;

/** While calls are looked at: after a call at `pos`. */
export declare function callLeft(pos: u32): void;

/** While calls are looked at: the body of a LambdaNode is evaluated. */
export declare function lambdaCalled(lambda: usize): void;

/** While calls are looked at: a builtin has all its arguments. */
export declare function builtinCalled(id: u32): void;

/** While somebody debugs: a record was pushed on the log of what is to be evaluated now. */
export declare function stepped(): void;
