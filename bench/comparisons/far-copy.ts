import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultStoreDir, printStorePath } from '../../src/nix-compat/index.ts';
import { BenchError, type Comparison, type Side, type Workspace } from '../framework/comparison.ts';
import { serveFolder } from '../framework/serve-folder.ts';
import { type ServerProcess, freePort, startServer } from '../framework/server-process.ts';
import { hashStore } from '../workloads/hash-store.ts';
import { liveRoot } from '../workloads/store-paths.ts';
import { fillPeerStore, storeBelow } from '../workloads/two-stores.ts';

/** Milliseconds. */
const roundTrip = 100;

const counts = { live: 200, dead: 0 };

const config = 'build-users-group =\nexperimental-features = nix-command\nsubstituters =\nwarn-dirty = false';

/** Of many small paths by the clients of both over a link of 100 ms, from and to the same servers. */
export const farCopyComparison: Comparison = {
  title: 'copying over a link of 100 ms',
  workload: `a closure of ${counts.live} store paths, each a file of some 60 bytes with up to three references; what passes arrives half a round trip later`,
  pairs: 3,
  bytesPerRun: 4_000_000,
  async prepare(workspace) {
    const { folder } = workspace;
    const far = join(folder, 'far');
    mkdirSync(far);
    const env = { HOME: folder, NIX_CONF_DIR: '/var/empty', NIX_CONFIG: config };
    fillPeerStore(far, counts, workspace.peer('nix-store'), { ...env, NIX_REMOTE: `local?root=${far}` });
    const path = printStorePath(defaultStoreDir, liveRoot());
    const key = join(folder, 'key');
    execFileSync(workspace.peer('nix-store'), ['--generate-binary-cache-key', 'bench-1', key, `${key}.public`]);
    const cache = join(folder, 'cache');
    execFileSync(
      workspace.peer('nix'),
      [
        'copy',
        '--from',
        `local?root=${far}`,
        '--to',
        `file://${cache}?compression=none&secret-key=${key}`,
        '--no-check-sigs',
        path,
      ],
      { env, stdio: 'ignore' },
    );
    const stack = new DisposableStack();
    const link = await farAway(workspace, stack);
    const { url } = stack.use(await serveFolder(workspace, cache));
    const readUrl = await link.to(Number(new URL(url).port));

    let sent: ServerProcess | undefined;
    let sentPort = 0;
    const trust = `trusted-public-keys = ${readFileSync(`${key}.public`, 'utf8')}`;
    const startReceiver = async (fresh: string) => {
      sent?.[Symbol.dispose]();
      sentPort = await freePort();
      sent = await startServer(
        [
          workspace.own('firn'),
          'serve',
          '--data',
          join(fresh, 'served'),
          '--http',
          `127.0.0.1:${sentPort}`,
          '--grpc',
          `unix:${fresh}/grpc`,
          '--anonymous',
          'write',
        ],
        { at: sentPort, env: { ...env, NIX_CONFIG: `${config}\n${trust}` } },
      );
      return link.to(sentPort);
    };

    const sides: Record<string, Side> = {};
    for (const [name, program] of [
      ['peer', (command: string) => workspace.peer(command)],
      ['Firn', (command: string) => workspace.own(command)],
    ] as const) {
      const owner = name === 'Firn' ? "Firn's " : '';
      const daemon = (root: string) =>
        link.program(`${name}-${root.replaceAll('/', '-')}`, workspace.peer('nix-daemon'), root);
      const environment = (fresh: string) => ({ ...env, HOME: fresh, XDG_CACHE_HOME: join(fresh, 'cache') });
      const hashOf = (root: string) => hashStore(storeBelow(root).store);
      sides[`${name} from ssh-ng`] = {
        command: `${owner}nix copy --from ssh-ng://…`,
        invoke: ({ fresh }) => {
          mkdirSync(fresh);
          return {
            argv: [
              program('nix'),
              'copy',
              '--from',
              `ssh-ng://localhost?remote-program=${daemon(far)}`,
              '--to',
              `local?root=${fresh}`,
              '--no-check-sigs',
              '--quiet',
              path,
            ],
            env: environment(fresh),
          };
        },
        result: ({ fresh }) => hashOf(fresh),
      };
      sides[`${name} to ssh-ng`] = {
        command: `${owner}nix copy --to ssh-ng://…`,
        invoke: ({ fresh }) => {
          mkdirSync(join(fresh, 'to'), { recursive: true });
          return {
            argv: [
              program('nix'),
              'copy',
              '--from',
              `file://${cache}`,
              '--to',
              `ssh-ng://localhost?remote-program=${daemon(join(fresh, 'to'))}`,
              '--no-check-sigs',
              '--quiet',
              path,
            ],
            env: environment(fresh),
          };
        },
        result: ({ fresh }) => hashOf(join(fresh, 'to')),
      };
      sides[`${name} from http`] = {
        command: `${owner}nix-store --realise, from http://…`,
        invoke: ({ fresh }) => {
          mkdirSync(fresh);
          return {
            argv: [program('nix-store'), '--realise', path, '--no-gc-warning', '--quiet'],
            env: {
              ...environment(fresh),
              NIX_REMOTE: `local?root=${fresh}`,
              NIX_CONFIG: `build-users-group =\nsubstituters = ${readUrl}\n${trust}\nprint-missing = false`,
            },
          };
        },
        result: ({ fresh }) => hashOf(fresh),
      };
      sides[`${name} to http`] = {
        command: `${owner}nix copy --to http://…`,
        invoke: async ({ fresh }) => {
          mkdirSync(fresh);
          const target = await startReceiver(fresh);
          return {
            argv: [
              program('nix'),
              'copy',
              '--from',
              `file://${cache}`,
              '--to',
              `${target}?compression=none`,
              '--no-check-sigs',
              '--quiet',
              path,
            ],
            env: environment(fresh),
          };
        },
        result: ({ fresh }) => {
          const uri = `http://127.0.0.1:${sentPort}?trusted=1`;
          const back = join(fresh, 'back');
          execFileSync(
            workspace.peer('nix'),
            ['copy', '--from', uri, '--to', `local?root=${back}`, '--no-check-sigs', path],
            { env, stdio: 'ignore' },
          );
          return hashOf(back);
        },
      };
    }
    return {
      sides,
      figures: ['from ssh-ng', 'to ssh-ng', 'from http', 'to http'].map(
        way => ({ name: `time, ${way}`, kind: 'ratio', of: `Firn ${way}`, against: `peer ${way}`, bar: 0.3 }) as const,
      ),
      close: () => {
        sent?.[Symbol.dispose]();
        stack.dispose();
      },
    };
  },
};

interface Link {
  /** The URL by which a port of this machine is far away. */
  to(port: number): Promise<string>;
  /** A program that starts `daemon --stdio`, far away, over the store below `root`. */
  program(name: string, daemon: string, root: string): string;
}

async function farAway(workspace: Workspace, stack: DisposableStack): Promise<Link> {
  const relay = await workspace.child('delay-relay');
  const [node] = relay;
  if (relay.some(word => word.includes(' '))) throw new BenchError(`'${node}': the path of Node has a space`);
  return {
    to: async port => {
      const near = await freePort();
      stack.use(await startServer([...relay, String(roundTrip), 'listen', String(near), String(port)], { at: near }));
      return `http://127.0.0.1:${near}`;
    },
    program: (name, daemon, root) => {
      const script = join(workspace.folder, `daemon-${name}`);
      writeFileSync(
        script,
        `#!/bin/sh\nexport NIX_REMOTE='local?root=${root}' NIX_CONF_DIR=/var/empty NIX_CONFIG='build-users-group =\nsubstituters ='\nunset NODE_OPTIONS\nexec ${relay.join(' ')} ${roundTrip} run ${daemon} "$@"\n`,
      );
      chmodSync(script, 0o755);
      return script;
    },
  };
}
