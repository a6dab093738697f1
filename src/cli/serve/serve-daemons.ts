import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { NestedStore, RunningBuild } from '../../engine/index.ts';
import { parseStorePath } from '../../nix-compat/index.ts';
import type { ActionDaemons } from '../../reapi/index.ts';
import { type ByteChannel, ChannelSocket, type LocalStore } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { nestedServer } from '../nested-server.ts';
import { serveWith } from '../served-store.ts';

/** An action does not give its place to what it has built: builders have places of their own. */
const keepsPlace = { yieldWhile: (wait: () => Promise<void>) => wait() };

/** What messages call the one who asks. */
const anAction = parseStorePath(`${'0'.repeat(32)}-action`);

/** Daemons for actions: each knows what its action sees, and what that adds or has built. */
export function serveDaemons(store: LocalStore, context: CommandContext): ActionDaemons {
  const { log: reporter } = context;
  const served = serveWith(store, context);
  return {
    open: async ({ closure, show, folder, owner }) => {
      const build = new RunningBuild(store.storeDir, anAction, undefined);
      const nested = new NestedStore({
        store,
        mode: 'build',
        build,
        slot: keepsPlace,
        realising: {
          realise: (wanted, { signal }) => served.realise(wanted, { mode: 'normal', signal, reporter }),
          plan: (wanted, { signal = new AbortController().signal }) => served.plan(wanted, { signal }),
        },
        outputs: [],
        inputs: closure,
        show,
      });
      const place = join(folder, 'daemon');
      mkdirSync(place, { recursive: true, mode: 0o711 });
      const name = 'socket';
      const serve = (channel: ByteChannel, signal: AbortSignal) => nestedServer.serve(channel, nested, signal);
      const socket = await ChannelSocket.listen({ folder: place, name, owner, serve });
      return {
        socket: join(place, name),
        [Symbol.asyncDispose]: async () => {
          await socket[Symbol.asyncDispose]();
          build[Symbol.dispose]();
        },
      };
    },
  };
}
