import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtFolder } from '../base/index.ts';

/** The functions that an instance of the core imports, by module (src/core/host.ts, src/core/syntax-host.ts). */
export type CoreImports = Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>;

/** `observed` tells of calls and counts, and is slower. */
export type CoreKind = 'plain' | 'observed';

const files: Readonly<Record<CoreKind, string>> = { plain: 'core.wasm', observed: 'core-observed.wasm' };
const compiled: { [kind in CoreKind]?: WebAssembly.Module } = {};

/** The compiled core; read when it is first needed. */
export function coreModule(kind: CoreKind = 'plain'): WebAssembly.Module {
  return (compiled[kind] ??= new WebAssembly.Module(readFileSync(join(builtFolder(), files[kind]))));
}
