import { messageOf } from '../../base/index.ts';
import type { LockNode } from '../../engine/index.ts';
import { type FlakeRef, formatFlakeRef, relativePathOf } from '../../eval/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitStatus } from '../exit-status.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';

/** `nix flake prefetch-inputs` */
export function flakePrefetchInputs(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  return {
    summary: 'Fetches all inputs of a flake into the store.',
    flags: wanted.flags,
    positionals: wanted.positionals,
    run: async () => {
      const { root } = await wanted.lock();
      const { flakes } = wanted.evaluation();
      const { log, signal } = context;
      let hasFailed = false;
      for (const reference of referencesIn(root)) {
        using _ = log.startActivity({
          type: 'unknown',
          level: 'info',
          text: `fetching '${formatFlakeRef(reference)}'`,
        });
        try {
          await flakes.fetch(reference, 'none');
        } catch (error) {
          signal.throwIfAborted();
          log.log('error', messageOf(error));
          hasFailed = true;
        }
      }
      await wanted.evaluation().commit();
      if (hasFailed) throw new ExitStatus(1);
    },
  };
}

/** What all nodes are locked to; what is in the tree of another is had with that. */
function referencesIn(root: LockNode): FlakeRef[] {
  const found: FlakeRef[] = [];
  const done = new Set<LockNode>();
  const visit = (node: LockNode): void => {
    if (done.has(node)) return;
    done.add(node);
    for (const edge of node.inputs.values()) {
      if (edge.kind !== 'node') continue;
      const { locked } = edge.node;
      if (relativePathOf(locked.input) === undefined) found.push(locked);
      visit(edge.node);
    }
  };
  visit(root);
  return found;
}
