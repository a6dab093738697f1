import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The functions that an instance of the core imports, by module (src/core/host.ts, src/core/syntax-host.ts). */
export type CoreImports = Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>;

let compiled: WebAssembly.Module | undefined;

/** The compiled core; read when it is first needed. */
export function coreModule(): WebAssembly.Module {
  return (compiled ??= new WebAssembly.Module(readFileSync(corePath())));
}

/** Beside the bundle that this is part of; else where the build puts it. */
function corePath(): string {
  const isSource = import.meta.filename.endsWith('.ts');
  return join(import.meta.dirname, isSource ? '../../dist' : '.', 'core.wasm');
}
