/**
 * Compiles src/core, which is AssemblyScript, to dist/core.wasm, and to dist/core-observed.wasm, which tells of calls and counts
 * (src/core/build-constants.ts). Does nothing where these are newer than the sources: the compiler takes seconds, and is
 * loaded only when it is needed.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const sources = join(root, 'src/core');
const target = join(root, 'dist');

/** By file, the constant that makes it what it is; the one that freshness is judged by comes last. */
const cores = [
  ['core-observed.wasm', 'IS_OBSERVED=1'],
  ['core.wasm', 'IS_OBSERVED=0'],
] as const;

const options = [
  '-O3',
  // Accesses of memory are not checked twice.
  '--noAssert',
  // Allocation is src/core/memory.ts's.
  '--runtime',
  'stub',
  // The names of functions, for stack traces and profiles.
  '--debug',
];

/** What is used of the compiler: its own types bring a `console` along that is not Node's. */
interface Compiler {
  main(args: readonly string[], options: CompilerOptions): Promise<{ readonly error: Error | null }>;
}

interface CompilerOptions {
  readFile(name: string): string | null;
  writeFile(name: string, contents: Uint8Array | string): void;
  listFiles(): string[];
  readonly stdout: { write(text: string): void };
  readonly stderr: { write(text: string): void };
}

async function loadCompiler(): Promise<Compiler> {
  const name = 'assemblyscript/asc';
  const loaded: unknown = await import(name);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return (loaded as { readonly default: Compiler }).default;
}

/** Makes the cores anew where a source has changed, or the compiler. */
export async function buildCore(): Promise<void> {
  if (isFresh()) return;
  const started = new Date();
  const asc = await loadCompiler();
  for (const [file, constant] of cores) install(file, await compile(asc, constant), started);
}

async function compile(asc: Compiler, constant: string): Promise<Uint8Array> {
  const messages: string[] = [];
  let binary: Uint8Array | undefined;
  const { error } = await asc.main(['index.ts', '--outFile', 'core.wasm', '--use', constant, ...options], {
    readFile: name => readSource(name),
    writeFile: (name, contents) => {
      if (name === 'core.wasm' && typeof contents !== 'string') binary = contents;
    },
    listFiles: () => [],
    stdout: { write: () => undefined },
    stderr: { write: text => void messages.push(text) },
  });
  if (error !== null || binary === undefined) {
    throw new Error(`src/core does not compile:\n${messages.join('')}`, { cause: error });
  }
  refuseForeignAllocation(binary);
  return binary;
}

/** Strings that are joined, arrays and the like come from the compiler's own allocator, which takes the memory that is ours. */
function refuseForeignAllocation(binary: Uint8Array): void {
  const names = Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength);
  if (names.includes('~lib/rt/stub/')) {
    throw new Error(
      "src/core allocates through AssemblyScript's library: look for strings that are joined, and arrays",
    );
  }
}

function isFresh(): boolean {
  const built = statSync(join(target, 'core.wasm'), { throwIfNoEntry: false });
  if (built === undefined || !existsSync(join(target, 'core-observed.wasm'))) return false;
  const inputs = readdirSync(sources, { recursive: true, encoding: 'utf8' }).map(name => join(sources, name));
  inputs.push(import.meta.filename, join(root, 'package-lock.json'));
  return inputs.every(input => statSync(input).mtimeMs <= built.mtimeMs);
}

/**
 * The compiler takes neither `type` in imports nor endings of files, which everybody else's tools want: blanks stand for
 * them, so that lines and columns stay. Other files than ours it looks for in its own library.
 */
function readSource(name: string): string | null {
  let text: string;
  try {
    text = readFileSync(join(sources, name), 'utf8');
  } catch {
    return null;
  }
  return text.replaceAll(/^(?:import|export)\s[^;']*?\bfrom\b '[^']*'/gm, statement =>
    statement.replaceAll(/\btype\s(?!from\b)/g, '     ').replace(/\.ts'$/, "'   "),
  );
}

/** Whoever starts meanwhile finds the old file or the new one. Its time is that of the start: a change since is newer. */
function install(file: string, binary: Uint8Array, time: Date): void {
  mkdirSync(target, { recursive: true });
  mkdirSync(join(root, '.cache'), { recursive: true });
  const staging = mkdtempSync(join(root, '.cache/core-'));
  try {
    const staged = join(staging, file);
    writeFileSync(staged, binary);
    utimesSync(staged, time, time);
    renameSync(staged, join(target, file));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

if (import.meta.main) await buildCore();
