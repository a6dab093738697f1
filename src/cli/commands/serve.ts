import { existsSync } from 'node:fs';
import { displayBytes } from '../../base/index.ts';
import type { Right } from '../../server/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { leaveSnapshot } from '../leave-snapshot.ts';
import { parseListenAddress } from '../serve/listen-address.ts';
import { anonymousLevels, defaultServeSettings } from '../serve/serve-settings.ts';

/**
 * Every read of a socket makes 64 KiB of garbage outside of the heap. Counted apart, each 64 MiB of it begin a collection of all
 * that lives (a third of the processor time of uploads); counted with the heap, which may have 96 MB before the first one, the
 * collections of what is young suffice. The collector's own threads would take turns with those that serve. What thousands
 * of clients leave is collected before it is twice of what is needed: 10,000 calls, again and again, take 370 MB, not 870.
 */
const nodeOptions = [
  '--single-threaded-gc',
  '--max-semi-space-size=2',
  '--external-memory-accounted-in-global-limit',
  '--initial-old-space-size=96',
  '--heap-growing-percent=50',
];

/** `firn serve`: the store, for everything that speaks the Remote Execution API. */
export function serve(context: CommandContext): Command {
  const grpc: string[] = [];
  const http: string[] = [];
  let config: string | undefined;
  let anonymous: readonly Right[] | undefined;
  let assetsFromNearby = false;
  let pullsThrough = false;
  return {
    summary: 'Serves the store to Bazel, Buck2, recc and their like, and to Nix as a binary cache.',
    isStable: true,
    flags: [
      {
        long: 'grpc',
        labels: ['address'],
        summary: 'Where to answer by gRPC: HOST:PORT or unix:/PATH; may be given several times.',
        apply: text => grpc.push(displayBytes(text)),
      },
      {
        long: 'http',
        labels: ['address'],
        summary: 'Where to answer by HTTP, likewise.',
        apply: text => http.push(displayBytes(text)),
      },
      {
        long: 'anonymous',
        labels: ['right'],
        summary: 'What those may do who have no token: none, read, write (and read) or execute (and both).',
        apply: text => (anonymous = readLevel(displayBytes(text))),
      },
      {
        long: 'config',
        labels: ['file'],
        summary: "A firn.toml, in place of the user's or the system's; flags count for more.",
        complete: completePath,
        apply: text => (config = displayBytes(text)),
      },
      {
        long: 'assets-from-nearby',
        labels: [],
        summary: 'Also fetches remote assets from this machine itself and from what is on its links.',
        apply: () => (assetsFromNearby = true),
      },
      {
        long: 'pull-through',
        labels: [],
        summary:
          "Also serves, as a binary cache, what the setting 'substituters' has: it becomes the store's when it is asked for.",
        apply: () => (pullsThrough = true),
      },
    ],
    positionals: [],
    run: async () => {
      leaveSnapshot(context, nodeOptions);
      const { runServer } = await import('../serve/run-server.ts');
      // It knows the server, which is not for every process's heap (docs/adr/0009).
      const { readServeConfig } = await import('../serve/read-serve-config.ts');
      const file = config ?? context.environment.firnConfFiles.find(path => existsSync(path));
      const configured = { ...defaultServeSettings, ...(file === undefined ? {} : readServeConfig(file)) };
      const parse = (text: string) => parseListenAddress(text, 'an address to serve at', configured.tls);
      const chosen = {
        ...(grpc.length > 0 ? { grpc: grpc.map(parse) } : {}),
        ...(http.length > 0 ? { http: http.map(parse) } : {}),
        ...(anonymous === undefined ? {} : { anonymous }),
        ...(assetsFromNearby ? { assetsFromNearby } : {}),
        ...(pullsThrough ? { nixCache: { ...configured.nixCache, pullsThrough } } : {}),
      };
      await runServer({ ...configured, ...chosen }, context);
    },
  };
}

function readLevel(text: string): readonly Right[] {
  const level = anonymousLevels[text];
  if (level !== undefined && Object.hasOwn(anonymousLevels, text)) return level;
  const names = Object.keys(anonymousLevels).join(', ');
  throw new CliError('usage/bad-value', `--anonymous: '${text}' is none of ${names}`);
}
