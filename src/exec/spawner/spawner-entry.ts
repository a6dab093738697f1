/**
 * The spawner: a small process that starts those of actions and is their parent. It ends, with all of them, when the
 * process that started it does: also if that was killed.
 */
import { type EndedProcess, adoptOrphans, keepDescriptors, lowerLimit, reapProcess } from '../../base/index.ts';
import { killOrphans } from './kill-processes.ts';
import type { SpawnerReply, SpawnerRequest } from './messages.ts';
import { RunningProcess } from './running-process.ts';

adoptOrphans();
keepDescriptors();
// Core dumps are off, and the stack is not the evaluator's.
lowerLimit('core', 0n);
lowerLimit('stack', 8n << 20n);

const runs = new Map<number, RunningProcess>();
/** Children that ended before we knew whose they are: while a sandbox is being made. */
const unclaimed = new Map<number, EndedProcess>();

/** Messages that are not yet with whoever started us. Beyond it, what writes to us waits. */
const maxUnsent = 64;
let unsent = 0;

function send(reply: SpawnerReply): void {
  unsent++;
  if (unsent === maxUnsent) for (const run of runs.values()) run.pauseOutput();
  process.send?.(reply, undefined, undefined, () => {
    if (unsent === maxUnsent) for (const run of runs.values()) run.resumeOutput();
    unsent--;
  });
}

let isLeaving = false;
/** What is to be said when no strays are left. */
const whenTidy: (() => void)[] = [];

/**
 * Kills processes that left their session and lost their parents. Whose they were is not known: they are killed when
 * they can be nobody's that runs. Says whether there are none.
 */
function killStrays(): boolean {
  const all = Array.from(runs.values());
  return all.some(({ mayHaveStrays }) => mayHaveStrays) || killOrphans(new Set(all.map(({ pid }) => pid))) === 0;
}

function sayWhenTidy(): void {
  if (whenTidy.length > 0 && killStrays()) for (const say of whenTidy.splice(0)) say();
}

process.on('message', (request: SpawnerRequest) => {
  const { run } = request;
  if (request.kind === 'end') {
    runs.get(run)?.end();
    return;
  }
  const { order } = request;
  const running = new RunningProcess(order, {
    started: group => send({ kind: 'started', run, group }),
    output: (chunk, stream) => send({ kind: 'output', run, chunk, stream }),
    adopted: pid => unclaimed.get(pid),
    // Before its output has ended: a stray may hold that.
    programEnded: () => void killStrays(),
    ended: result => {
      runs.delete(run);
      whenTidy.push(() => {
        send({ kind: 'ended', run, result });
        if (isLeaving && runs.size === 0) process.exit(0);
      });
      sayWhenTidy();
    },
  });
  runs.set(run, running);
  running.start();
});

process.on('SIGCHLD', () => {
  for (let ended = reapProcess(); ended !== undefined; ended = reapProcess()) {
    const { pid } = ended;
    const all = Array.from(runs.values());
    // The maker of a sandbox ends before or after its child.
    if (!all.some(run => ended !== undefined && run.childEnded(ended)) && all.some(({ isMaking }) => isMaking)) {
      unclaimed.set(pid, ended);
    }
  }
  if (!Array.from(runs.values()).some(({ isMaking }) => isMaking)) unclaimed.clear();
  sayWhenTidy();
});

process.on('disconnect', () => {
  isLeaving = true;
  if (runs.size === 0) process.exit(0);
  for (const run of runs.values()) run.kill();
});
