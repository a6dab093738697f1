import nodeFs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { FaultPlan } from './faulty-file-system.ts';

/** The calls that make, change or read what is in a file system, as modules that call `node:fs` itself make them. */
const names = [
  'chmodSync',
  'copyFileSync',
  'linkSync',
  'lstatSync',
  'lutimesSync',
  'mkdirSync',
  'openSync',
  'readdirSync',
  'renameSync',
  'rmSync',
  'statSync',
  'symlinkSync',
  'utimesSync',
  'writeSync',
] as const;

/** What still works on a disk that is full or read-only. */
const harmless = new Set<string>(['lstatSync', 'readdirSync', 'rmSync', 'statSync']);

/** Lets `node:fs` itself fail as `plan` says, until disposed of; what was imported from it before fails too. */
export function injectNodeFaults(plan: FaultPlan): Disposable {
  const originals = names.map(name => [name, nodeFs[name]] as const);
  for (const [name, original] of originals) {
    const faulty = (...args: unknown[]): unknown => {
      if (plan.stays !== true || !harmless.has(name)) {
        const call = plan.calls++;
        if (call === plan.failAt || (plan.stays === true && call > plan.failAt)) {
          plan.failed ??= name;
          const message = `${plan.errno}: injected, ${name}`;
          throw Object.assign(new Error(message), { code: plan.errno, errno: -1, syscall: name });
        }
      }
      return Reflect.apply(original, nodeFs, args);
    };
    Reflect.set(nodeFs, name, faulty);
  }
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      for (const [name, original] of originals) Reflect.set(nodeFs, name, original);
      syncBuiltinESMExports();
    },
  };
}
