/** Pseudo-terminals. Linux with the GNU C library. */
import { closeSync, constants, openSync } from 'node:fs';
import { loadOnce, syscallFailure } from './ffi-library.ts';

type Fd = number;

const load = loadOnce(library => {
  const i32 = (name: string, ...types: ('i32' | 'buffer' | 'u64')[]) =>
    library.getFunction(name, { arguments: types, return: 'i32' });
  return {
    open: i32('posix_openpt', 'i32'),
    grant: i32('grantpt', 'i32'),
    unlock: i32('unlockpt', 'i32'),
    name: i32('ptsname_r', 'i32', 'buffer', 'u64'),
    getAttributes: i32('tcgetattr', 'i32', 'buffer'),
    makeRaw: library.getFunction('cfmakeraw', { arguments: ['buffer'], return: 'void' }),
    setAttributes: i32('tcsetattr', 'i32', 'i32', 'buffer'),
    errno: library.errno,
  };
});

/**
 * A new pseudo-terminal in raw mode: what is written to `terminal` is read from `controller` as it is. It becomes nobody's
 * controlling terminal. Reading from `controller` fails with EIO when all have closed the terminal.
 */
export function openTerminal(): { readonly controller: Fd; readonly terminal: Fd } {
  const c = load();
  const check = (call: string, result: number): void => {
    if (result !== 0) throw syscallFailure(call, c.errno());
  };
  const closeOnExec = 0o2000000;
  const controller = c.open(constants.O_RDWR | constants.O_NOCTTY | closeOnExec);
  if (controller < 0) throw syscallFailure('posix_openpt', c.errno());
  let terminal: Fd | undefined;
  try {
    check('grantpt', c.grant(controller));
    check('unlockpt', c.unlock(controller));
    const name = Buffer.alloc(128);
    check('ptsname_r', c.name(controller, name, BigInt(name.byteLength)));
    const path = name.toString('latin1', 0, name.indexOf(0));
    terminal = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    const attributes = Buffer.alloc(128);
    check('tcgetattr', c.getAttributes(terminal, attributes));
    c.makeRaw(attributes);
    check('tcsetattr', c.setAttributes(terminal, 0, attributes));
    return { controller, terminal };
  } catch (error) {
    if (terminal !== undefined) closeSync(terminal);
    closeSync(controller);
    throw error;
  }
}
