import { join } from 'node:path';
import { type ByteString, displayBytes, errnoOf } from '../../base/index.ts';
import { isOurMount, unmountAt } from '../../fuse/index.ts';
import { completePath } from '../args/complete-path.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';

/** `firn mount` */
export function mount(context: CommandContext): Command {
  let folder: ByteString | undefined;
  let closure: readonly ByteString[] = [];
  let unmounts = false;
  let upstream = false;
  let json = false;
  return {
    summary: 'Shows the paths of the store below a folder, without checking them out.',
    isStable: true,
    flags: [
      {
        long: 'closure',
        labels: ['paths'],
        takesRest: true,
        summary: 'Show only these store paths, and what they refer to; takes all that follows.',
        complete: completePath,
        apply: (...paths) => (closure = paths),
      },
      switchFlag(
        'upstream',
        "Also show, to whoever looks for them, paths that the setting 'substituters' has; what is read of them is fetched.",
        () => (upstream = true),
      ),
      switchFlag('unmount', 'Take away what is mounted at the folder.', () => (unmounts = true)),
      switchFlag('json', 'Say in JSON that the folder is there.', () => (json = true)),
    ],
    positionals: [
      { label: 'folder', arity: 1, optional: true, complete: completePath, apply: given => (folder = given) },
    ],
    run: async () => {
      const mountPoint =
        folder === undefined ? join(context.environment.dataFolder, 'mount') : displayBytes(absolutePath(folder));
      if (unmounts) return unmountFolder(mountPoint);
      const { runMount } = await import('../mount/run-mount.ts');
      await runMount({ mountPoint, closure, upstream, json }, context);
    },
  };
}

function unmountFolder(mountPoint: string): void {
  if (!isOurMount(mountPoint)) {
    throw new CliError('mount/not-mounted', `nothing of Firn is mounted at '${mountPoint}'`);
  }
  try {
    unmountAt(mountPoint);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error;
    // Who uses it keeps what is open; the name is free.
    unmountAt(mountPoint, { lazily: true });
  }
}
