/** How source becomes what is run (build.ts) and what others import (build-library.ts). */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Plugin, build } from 'esbuild';

/** Node has loaded these before our first line runs. */
const loadedAnyway = new Set(['node:buffer', 'node:fs', 'node:path', 'node:process', 'node:url']);

/**
 * Loads a module of Node's when something of it is first used: `node:crypto` takes 7 ms, `node:tty` 3 ms. A module
 * becomes an object of getters, which the bundler passes on as they are.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
      namespace === 'lazy-builtin' || loadedAnyway.has(path)
        ? { path, external: true }
        : { path, namespace: 'lazy-builtin' },
    );
    bundler.onLoad({ filter: /./, namespace: 'lazy-builtin' }, async ({ path }) => {
      const exported: unknown = await import(path);
      if (typeof exported !== 'object' || exported === null) throw new TypeError(`${path} is no module`);
      const names = Object.keys(exported).filter(name => name !== 'default');
      const getters = names.map(name => `${JSON.stringify(name)}: { enumerable: true, get: () => load().${name} }`);
      const load = `let loaded; const load = () => (loaded ??= require(${JSON.stringify(path)}));`;
      return { contents: `${load}\nObject.defineProperties(exports, {\n${getters.join(',\n')}\n});`, loader: 'js' };
    });
  },
};

/**
 * Node has what is in its module `stream/web` as globals, too. That module itself is one of those that a thread of a process
 * from a snapshot cannot load (docs/adr/0009).
 */
const globalStreams: Plugin = {
  name: 'global-streams',
  setup(bundler) {
    bundler.onResolve({ filter: /^(?:node:)?stream\/web$/ }, ({ path }) => ({ path, namespace: 'global-streams' }));
    bundler.onLoad({ filter: /./, namespace: 'global-streams' }, () => ({ contents: 'module.exports = globalThis;' }));
  },
};

/** What main.ts imports when it has more to do than to print the version is a file beside it: reading that takes 15 ms. */
const runApart: Plugin = {
  name: 'run-apart',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\/run\.ts$/ }, ({ importer }) =>
      importer === join(root, 'src/cli/main.ts') ? { path: './firn-run.cjs', external: true } : undefined,
    );
  },
};

const root = dirname(import.meta.dirname);
const version = /"version": "([^"]+)"/.exec(readFileSync(join(root, 'package.json'), 'utf8'))?.[1];

/** Started as threads or processes of their own, from files beside the bundle. */
const threads = {
  'spawner-entry': 'src/exec/spawner/spawner-entry.ts',
  'decode-thread-entry': 'src/store/binary-cache/decode-thread-entry.ts',
  'file-thread-entry': 'src/castore/disk/file-thread-entry.ts',
  'serving-thread-entry': 'src/fuse/serving/serving-thread-entry.ts',
  'hash-thread-entry': 'src/store/local/upkeep/hash-thread-entry.ts',
  'job-thread': 'src/cli/jobs/job-thread.ts',
  'job-thread-entry': 'src/cli/jobs/job-thread-entry.ts',
  'terminal-thread-entry': 'src/cli/repl/terminal-thread-entry.ts',
};

/**
 * Makes NAME.cjs and its source map in `outdir` of each module of `entryPoints` (by name; paths are within the
 * repository) and of each thread. Returns the names, the threads' first.
 */
export async function bundle(entryPoints: Readonly<Record<string, string>>, outdir: string): Promise<string[]> {
  const all = { ...threads, ...entryPoints };
  await build({
    absWorkingDir: root,
    entryPoints: all,
    outdir,
    bundle: true,
    format: 'cjs',
    // By this ending Node knows the format without looking for a package.json.
    outExtension: { '.js': '.cjs' },
    platform: 'node',
    target: 'node26',
    sourcemap: 'linked',
    // Half the size, and without the comments all ASCII, which V8 takes as it is.
    minifyWhitespace: true,
    charset: 'ascii',
    define: {
      FIRN_VERSION: JSON.stringify(version),
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    plugins: [globalStreams, runApart, lazyBuiltins],
    logLevel: 'warning',
  });
  return Object.keys(all);
}

/** Makes an ES module of each of the folders of src/ in `outdir`, which share chunks, and NAME.cjs of each thread. */
export async function bundleLibrary(folders: readonly string[], outdir: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(folders.map(folder => [folder, `src/${folder}/index.ts`])),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    sourcemap: 'linked',
    logLevel: 'warning',
  });
  await bundle({}, outdir);
}
