import { type FileSystem, realFileSystem } from '../castore/index.ts';

/** How many calls were made, and which of them fails (0 is the first). */
export interface FaultPlan {
  calls: number;
  failAt: number;
  readonly errno: 'EIO' | 'ENOSPC' | 'EROFS';
  /** Names of the calls that count; all unless given. */
  readonly only?: ReadonlySet<string>;
  /** Whether every call after the failing one fails too, as on a disk that stays full. */
  readonly stays?: boolean;
  failed?: string;
}

/** What still works on a disk that is full or read-only: looking, closing and removing. */
const harmless = new Set([
  'closeSync',
  'existsSync',
  'fstatSync',
  'lstatSync',
  'readFileSync',
  'readSync',
  'readdirSync',
  'readlinkSync',
  'rmSync',
  'rmdirSync',
  'unlinkSync',
]);

/** The real file system, but for the call that `plan` names, which fails without being made. */
export function faultyFileSystem(plan: FaultPlan): FileSystem {
  const fails = (name: string): NodeJS.ErrnoException | undefined => {
    if (plan.only !== undefined && !plan.only.has(name)) return undefined;
    // A file descriptor is closed whatever close(2) says; a test that fails it would only leak.
    if (name === 'closeSync' || (plan.stays === true && harmless.has(name))) return undefined;
    const call = plan.calls++;
    if (call !== plan.failAt && !(plan.stays === true && call > plan.failAt)) return undefined;
    plan.failed ??= name;
    return Object.assign(new Error(`${plan.errno}: injected, ${name}`), { code: plan.errno, errno: -1, syscall: name });
  };
  return new Proxy(realFileSystem, {
    get(target, property, receiver) {
      const real: unknown = Reflect.get(target, property, receiver);
      if (typeof real !== 'function' || typeof property !== 'string') return real;
      return (...args: unknown[]): unknown => {
        const error = fails(property);
        if (error === undefined) return Reflect.apply(real, undefined, args);
        const callback = args.at(-1);
        if (typeof callback !== 'function') throw error;
        setImmediate(() => void Reflect.apply(callback, undefined, [error]));
        return undefined;
      };
    },
  });
}
