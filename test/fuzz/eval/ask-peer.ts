import { spawnSync } from 'node:child_process';
import { type Answer, plainMessage } from './answer.ts';

export interface Peer {
  /** Its `nix-instantiate`. */
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Programs at a time, lest the command line become too long. */
const most = 100;

/**
 * Answers of C++ Nix: it evaluates one program after the other, up to the first error, and is started again behind that,
 * which `starts` says.
 */
export function askPeer(
  { command, environment }: Peer,
  programs: readonly string[],
): { readonly answers: Answer[]; readonly starts: ReadonlySet<number> } {
  const answers: Answer[] = [];
  const starts = new Set<number>();
  while (answers.length < programs.length) {
    starts.add(answers.length);
    const left = programs.slice(answers.length, answers.length + most);
    const { stdout, stderr } = spawnSync(command, ['--eval', '--strict', '-E', ...left], {
      cwd: '/',
      env: { ...environment, TERM: 'dumb' },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    // Line breaks in values are escaped.
    const values = stdout.split('\n').slice(0, -1);
    answers.push(...values.map(value => ({ kind: 'value', value }) as const));
    if (values.length < left.length) answers.push(errorOf(stderr));
  }
  return { answers, starts };
}

function errorOf(stderr: string): Answer {
  // Of errors about arguments the command says how to get help.
  const lines = stderr.split('\n').filter(line => !/^Try '.* --help' for more/.test(line));
  const start = lines.findLastIndex(line => /^ *error:/.test(line));
  const rest = lines.slice(Math.max(0, start));
  const end = rest.findIndex((line, index) => index > 0 && /^ *at \S.*:[0-9]+:[0-9]+:$/.test(line));
  const hint = rest.findIndex(line => /^ *Did you mean/.test(line));
  const message = rest.slice(0, end >= 0 ? end : undefined).join('\n');
  const shown = hint >= 0 && (end < 0 || hint < end) ? rest.slice(0, hint).join('\n') : message;
  return {
    kind: 'error',
    message: plainMessage(shown).replace(/^error: ?/, ''),
    place: end < 0 ? '' : (rest[end] ?? '').trim(),
  };
}
