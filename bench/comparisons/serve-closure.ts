import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { startDaemon } from '../framework/daemons.ts';
import { serveByNginx } from '../framework/nginx.ts';
import { type ServerProcess, freePort, startServer } from '../framework/server-process.ts';
import { hashStore } from '../workloads/hash-store.ts';
import {
  makeMixedClosure,
  mixedClosureBytes,
  mixedClosureRoot,
  mixedClosureWorkload,
} from '../workloads/mixed-closure.ts';

const clients = 16;

const config = 'build-users-group =\nexperimental-features = nix-command\nsubstituters =';

/** Copies from the store $1 to stores below $2, by $0, all at a time; fails when one of them fails. */
const copyAll = `
  mkdir "$2"
  set -- "$@" $(seq ${clients})
  nix=$0 from=$1 to=$2 path=$3
  shift 3
  running=
  for i; do
    mkdir "$to/$i"
    HOME=$to/$i XDG_CACHE_HOME=$to/$i/cache "$nix" copy --from "$from" --to "local?root=$to/$i" --no-check-sigs --quiet "$path" &
    running="$running $!"
  done
  for each in $running; do wait "$each" || exit 1; done`;

/** Clients of a daemon's socket read the files themselves: only what is known of them comes from the daemon. */
function daemonUri(socket: string, root: string): string {
  return `unix://${socket}?root=${root}`;
}

/** By 16 clients of C++ Nix at a time into new stores: from Firn and from what C++ Nix has for it. */
export const serveClosureComparison: Comparison = {
  title: 'serving a closure to 16 clients',
  workload: `${mixedClosureWorkload}; 16 of C++ Nix copying at a time, each into a new store; NARs without compression`,
  pairs: 3,
  // What a run has made is removed before the next.
  bytesPerRun: (clients * 1.2 * mixedClosureBytes) / 4,
  async prepare(workspace) {
    const { folder } = workspace;
    const source = join(folder, 'source');
    makeMixedClosure(source, workspace.peer('nix-store'));
    const path = `/nix/store/${mixedClosureRoot}`;
    const env = { HOME: folder, NIX_CONF_DIR: '/var/empty', NIX_CONFIG: config };
    const cache = join(folder, 'cache');
    const copy = (program: string, ...args: string[]) =>
      execFileSync(program, ['copy', '--no-check-sigs', ...args, path], { env, stdio: 'ignore' });
    copy(workspace.peer('nix'), '--from', `local?root=${source}`, '--to', `file://${cache}?compression=none`);
    const own = join(folder, 'own');
    mkdirSync(own);
    copy(workspace.own('nix'), '--from', `file://${cache}`, '--to', `local?root=${own}`);

    const stack = new DisposableStack();
    const nginx = stack.use(await serveByNginx(cache, join(folder, 'nginx')));
    const port = await freePort();
    const settings = join(folder, 'firn.toml');
    writeFileSync(settings, '[nix-cache]\ncompression = "none"\n');
    const firn = stack.use(
      await startServer(
        [
          workspace.own('firn'),
          'serve',
          '--data',
          join(own, 'nix/var/nix'),
          '--config',
          settings,
          '--http',
          `127.0.0.1:${port}`,
          '--grpc',
          `unix:${folder}/grpc`,
        ],
        { at: port },
      ),
    );
    const daemonOf = (root: string, program: string) =>
      startDaemon(workspace, { program, root, socket: `${root}.socket` });
    const peerDaemon = stack.use(await daemonOf(source, workspace.peer('nix-daemon')));
    const ownDaemon = stack.use(await daemonOf(own, workspace.own('nix-daemon')));

    let made: string | undefined;
    const side = (command: string, { usage }: Pick<ServerProcess, 'usage'>, from: string): Side => ({
      command: `16 x nix copy --from ${command}`,
      server: usage,
      invoke: ({ fresh }) => {
        if (made !== undefined) rmSync(made, { recursive: true });
        made = fresh;
        return { argv: ['sh', '-c', copyAll, workspace.peer('nix'), from, fresh, path], env };
      },
      result: ({ fresh }) => hashStore(join(fresh, '1/nix/store')),
    });
    return {
      sides: {
        nginx: side('http://… (nginx over its file://)', nginx, nginx.url),
        'peer daemon': side('unix://… (its daemon)', peerDaemon, daemonUri(peerDaemon.socket, source)),
        Firn: side('http://… (firn serve)', firn, `http://127.0.0.1:${port}`),
        'Firn daemon': side("unix://… (Firn's daemon)", ownDaemon, daemonUri(ownDaemon.socket, own)),
      },
      inputs: [join(source, 'nix/store'), cache, join(own, 'nix/store')],
      figures: [
        { name: 'time, against nginx', kind: 'ratio', of: 'Firn', against: 'nginx', bar: 1 },
        { name: "time, against C++ Nix's daemon", kind: 'ratio', of: 'Firn', against: 'peer daemon', bar: 1 },
        { name: 'time, daemon against daemon', kind: 'ratio', of: 'Firn daemon', against: 'peer daemon', bar: 1 },
        { name: 'processor time of the server, against nginx', kind: 'server-ratio', of: 'Firn', against: 'nginx' },
        {
          name: "processor time of the server, against C++ Nix's daemon",
          kind: 'server-ratio',
          of: 'Firn',
          against: 'peer daemon',
        },
        {
          name: 'processor time of the server, daemon against daemon',
          kind: 'server-ratio',
          of: 'Firn daemon',
          against: 'peer daemon',
        },
        { name: 'memory of the server', kind: 'server-memory', of: 'Firn' },
        { name: 'memory of the daemon', kind: 'server-memory', of: 'Firn daemon' },
      ],
      close: () => stack.dispose(),
    };
  },
};
