/** What scripts/build-core.ts tells the compiler: there are two cores of the same sources. */

/** 1 in the core that tells the host of calls and counts what it makes; what depends on it is not even in the other. */
// oxlint-disable-next-line no-unused-vars -- files are modules for the linter, and one program for the compiler
declare const IS_OBSERVED: i32;
