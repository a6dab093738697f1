/**
 * What Firn throws on purpose. Each folder has one subclass with its own code table; a code names one cause for ever
 * and is what tests and callers compare, while `message` is for people: it names the thing, the place and the way out.
 */
export abstract class FirnError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Numbers of Linux's that libuv has no name for, as Node's errors bear them. */
const namesOnLinux: { readonly [errno: number]: string } = {
  [-37]: 'ENOLCK',
  [-116]: 'ESTALE',
  [-122]: 'EDQUOT',
};

/** The error number's name (`ENOENT`) if `error` came from the operating system, else undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'errno' in error)) return undefined;
  // Node's own errors bear the number there and the name as their code, ours (`SyscallError`) the name.
  if (typeof error.errno === 'string') return error.errno;
  if (typeof error.errno !== 'number' || !('code' in error) || typeof error.code !== 'string') return undefined;
  const isNamed = process.platform !== 'linux' || !error.code.startsWith('Unknown system error');
  return isNamed ? error.code : (namesOnLinux[error.errno] ?? error.code);
}

/** The text to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new TypeError(`unreachable: ${String(value)}`);
}
