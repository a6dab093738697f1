/**
 * testing: rigs, arbitraries and contract suites; imported by tests alone.
 */
export { byteStrings, digests, directories, entryNames, nodes } from './castore-arbitraries.ts';
