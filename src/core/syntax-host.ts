/** What lexer, parser and binder ask of the host. */

/**
 * A text is refused (token.ts, Refusal) at `pos`. `other` is a second position, `text` a StringObject; 0 where the kind
 * has none. Throws, except that it may return from UndefinedVariable, to find others.
 */
export declare function refuse(kind: u32, pos: u32, other: u32, text: usize): void;

/** What is legal but discouraged (lint.ts, Remark), from `pos` to `end`. Throws where the user wants it so. */
export declare function remark(kind: u32, pos: u32, end: u32): void;

/** The number that `length` bytes of digits, point and exponent stand for; NaN if it is out of range. */
export declare function parseFloat64(bytes: usize, length: u32): f64;

/** A StringObject: a float as C's `%g` prints it, with at most six significant digits. */
export declare function formatShortFloat(value: f64): usize;
