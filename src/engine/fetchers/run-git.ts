import { spawn } from 'node:child_process';
import { type ByteString, byteStringOf, displayBytes } from '../../base/index.ts';
import { EvalError } from '../../eval/index.ts';

export interface GitOptions {
  /** The folder of the repository, or one in its work tree. */
  readonly folder: string;
  readonly input?: Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the largest file that it may write; git ends with an error beyond. */
  readonly maxFileSize?: number | undefined;
}

/** Variables by which git would look elsewhere than where it is told to. */
const misleading = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_COMMON_DIR',
  'GIT_NAMESPACE',
];

/** How a run of git ended. */
export interface GitOutcome {
  /** Undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly output: Buffer;
  /** What it says besides: errors, progress. */
  readonly said: Buffer;
}

/** What `git` prints. Throws `eval/error` where it fails, with what it says. */
export async function runGit(args: readonly string[], options: GitOptions): Promise<Buffer> {
  const { status, output, said } = await spawnGit(args, options);
  if (status === 0) return output;
  const message = displayBytes(byteStringOf(said)).trim();
  throw new EvalError('eval/error', `program 'git' failed with exit code ${status ?? 'none'}: ${message}`);
}

/** Runs `git` to its end, whatever comes of it. */
export async function spawnGit(args: readonly string[], options: GitOptions): Promise<GitOutcome> {
  const { folder, input, signal } = options;
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.environment, GIT_OPTIONAL_LOCKS: '0' };
  for (const name of misleading) if (options.environment?.[name] === undefined) delete env[name];
  // Whose the repository is does not matter: nothing of it is run.
  const command = ['git', '-c', 'safe.directory=*', '-C', folder, ...args];
  const [program = 'git', ...given] =
    options.maxFileSize === undefined ? command : limited(command, options.maxFileSize);
  const child = spawn(program, given, { env, signal, stdio: 'pipe' });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => void out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => void err.push(chunk));
  // A program that ends early may leave some of its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve(code));
  });
  signal?.throwIfAborted();
  return { status: status ?? undefined, output: Buffer.concat(out), said: Buffer.concat(err) };
}

/** A command whose files are bounded, in the blocks of 512 bytes that a POSIX shell counts in. */
function limited(command: readonly string[], maxFileSize: number): string[] {
  return ['sh', '-c', 'ulimit -f "$1" && shift && exec "$@"', 'sh', String(Math.ceil(maxFileSize / 512)), ...command];
}

/** What `git` prints, as text without the blanks around it; undefined where it fails. */
export async function askGit(args: readonly string[], options: GitOptions): Promise<string | undefined> {
  try {
    return (await runGit(args, options)).toString().trim();
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

/** The parts of an output of `-z`. */
export function splitAtZeros(output: Buffer): ByteString[] {
  return byteStringOf(output)
    .split('\0')
    .slice(0, -1)
    .map(part => byteStringOf(Buffer.from(part, 'latin1')));
}
