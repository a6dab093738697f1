/**
 * Bundles src/cli and everything it imports into dist/firn.cjs. The folder is written beside and renamed into place, so
 * that a process that starts meanwhile sees the old bundle or the new one.
 *
 * One CommonJS file, because start-up is a feature: the loader of ES modules costs 5 ms and every further file about
 * 1 ms, whereas functions of a single file that are not called cost next to nothing (V8 compiles them lazily, and the
 * compile cache keeps those that were). Modules behind an `import()` still run only when that is reached.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync } from 'node:fs';
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

const started = new Date();
const root = dirname(import.meta.dirname);
const version = /"version": "([^"]+)"/.exec(readFileSync(join(root, 'package.json'), 'utf8'))?.[1];
const target = join(root, 'dist');
const cache = join(root, '.cache');
mkdirSync(cache, { recursive: true });
const staging = mkdtempSync(join(cache, 'dist-'));
try {
  await build({
    absWorkingDir: root,
    entryPoints: { firn: 'src/cli/main.ts' },
    outdir: staging,
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
    define: { FIRN_VERSION: JSON.stringify(version), 'import.meta.dirname': '__dirname' },
    plugins: [lazyBuiltins],
    logLevel: 'warning',
  });
  // File by file, the bundle last: whoever starts meanwhile finds the old one or the new one. Its time is that of the
  // start, so that a source that was changed meanwhile is newer.
  mkdirSync(target, { recursive: true });
  for (const file of ['firn.cjs.map', 'firn.cjs']) {
    utimesSync(join(staging, file), started, started);
    renameSync(join(staging, file), join(target, file));
  }
} finally {
  rmSync(staging, { recursive: true, force: true });
}
