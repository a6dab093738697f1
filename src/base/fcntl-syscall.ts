import { loadOnce } from './ffi-library.ts';

/** fcntl(2), whose last argument is a number or an address: a function has one signature in a process. */
export const loadFcntl = loadOnce(library => ({
  fcntl: library.getFunction('fcntl', { arguments: ['i32', 'i32', 'u64'], return: 'i32' }),
  addressOf: library.addressOf,
  errno: library.errno,
  isLinux: library.isLinux,
}));
