/**
 * Runs the CommonJS file that is the last argument, for `node --build-snapshot-config` (build.ts bundles this). Node itself
 * would read the file as UTF-8 and keep two bytes a character; it is ASCII, and its text stays in the snapshot.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';

const file = process.argv.at(-1) ?? '';
const names = ['exports', 'require', 'module', '__filename', '__dirname'];
const loaded = { exports: {} };
// Of modules, the builder of a snapshot has Node's own alone.
const load = (name: string) => process.getBuiltinModule(name);
const run = compileFunction(readFileSync(file, 'latin1'), names, { filename: file });
Reflect.apply(run, undefined, [loaded.exports, load, loaded, file, dirname(file)]);
