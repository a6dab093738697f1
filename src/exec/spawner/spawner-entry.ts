/**
 * The spawner: a small process that starts those of actions and is their parent. It ends, with all of them, when the
 * process that started it does: also if that was killed.
 */
import { adoptOrphans, keepDescriptors, lowerLimit, reapProcess } from '../../base/index.ts';
import type { SpawnerReply, SpawnerRequest } from './messages.ts';
import { RunningProcess } from './running-process.ts';
import { killOrphans } from './orphans.ts';

adoptOrphans();
keepDescriptors();
// Core dumps are off, and the stack is not the evaluator's.
lowerLimit('core', 0n);
lowerLimit('stack', 8n << 20n);

const runs = new Map<number, RunningProcess>();

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

function leaveIfDone(): void {
  if (!isLeaving || runs.size > 0) return;
  killOrphans([]);
  process.exit(0);
}

process.on('message', (request: SpawnerRequest) => {
  const { run } = request;
  if (request.kind === 'end') {
    runs.get(run)?.end();
    return;
  }
  const process = new RunningProcess(request.order, {
    output: chunk => send({ kind: 'output', run, chunk }),
    ended: result => {
      runs.delete(run);
      if (!Array.from(runs.values()).some(({ isInHost }) => isInHost))
        killOrphans(Array.from(runs.values(), ({ pids }) => pids).flat());
      send({ kind: 'ended', run, result });
      leaveIfDone();
    },
  });
  runs.set(run, process);
  process.start();
});

process.on('SIGCHLD', () => {
  for (let ended = reapProcess(); ended !== undefined; ended = reapProcess()) {
    for (const run of runs.values()) if (run.childEnded(ended)) break;
  }
});

process.on('disconnect', () => {
  isLeaving = true;
  for (const run of runs.values()) run.kill();
  leaveIfDone();
});
