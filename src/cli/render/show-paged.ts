import { spawnSync } from 'node:child_process';
import { encodeDisplayed, errnoOf } from '../../base/index.ts';
import type { CommandContext } from '../command.ts';

// Ctrl-C is for the pager.
const ignore = (): void => {};

/** Writes `text` to standard output; to a terminal through the pager of NIX_PAGER, PAGER or the system. */
export function showPaged(text: string | Uint8Array, { out, log, environment }: CommandContext): void {
  const wanted = environment.pager;
  if (!out.isTerminal || wanted === '' || wanted === 'cat') {
    out.write(typeof text === 'string' ? encodeDisplayed(text) : text);
    return;
  }
  out.flush();
  log.stopProgress();
  const commands = wanted === undefined ? [['pager'], ['less'], ['more']] : [['sh', '-c', wanted]];
  process.on('SIGINT', ignore);
  try {
    for (const [program = '', ...args] of commands) {
      const { error } = spawnSync(program, args, {
        input: text,
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { LESS: 'FRSXMK', ...process.env },
      });
      // Whoever leaves a pager early does not want the rest.
      if (error === undefined || errnoOf(error) === 'EPIPE') return;
    }
  } finally {
    process.off('SIGINT', ignore);
  }
  out.write(typeof text === 'string' ? encodeDisplayed(text) : text);
}
