import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { serveWith } from '../served-store.ts';
import { openStandardChannel } from '../standard-channel.ts';

/** What `nix daemon` and `nix-daemon` are told, and do. */
export class DaemonArguments {
  readonly flags: readonly Flag[];
  readonly #context: CommandContext;
  #standard = false;
  /** What clients are taken for; undefined: by who they are. */
  #trust: boolean | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
    const trust = (long: string, summary: string, trusts: boolean | undefined): Flag => ({
      long,
      labels: [],
      summary,
      apply: () => {
        context.settings.require('daemon-trust-override');
        this.#trust = trusts;
      },
    });
    this.flags = [
      {
        long: 'stdio',
        labels: [],
        summary: 'Serve one client through standard input and output.',
        apply: () => (this.#standard = true),
      },
      trust('force-trusted', 'Trust clients.', true),
      trust('force-untrusted', 'Do not trust clients.', false),
      trust('default-trust', 'Trust clients as usual.', undefined),
      {
        long: 'process-ops',
        labels: [],
        summary: 'Changes nothing: requests are never forwarded unread.',
        apply: () => context.settings.require('mounted-ssh-store'),
      },
    ];
  }

  async run(): Promise<void> {
    // Not before they are needed: what talks to Bazel and its like would be in the heap of every process (docs/adr/0009).
    const { serveWorker } = await import('../../server/index.ts');
    const { runDaemon } = await import('../daemon/run-daemon.ts');
    const { signal, environment, program } = this.#context;
    if (!this.#standard) {
      // Under its own name Firn does not take the place of a daemon of C++ Nix's unless it is told to.
      const socket = program === 'firn' ? environment.chosenDaemonSocket : environment.daemonSocket;
      await runDaemon({ socket, trust: this.#trust }, this.#context);
      return;
    }
    await using store = await openCommandStore(this.#context);
    await using channel = openStandardChannel();
    // Nobody can see who speaks through standard streams.
    const isTrusted = this.#trust ?? true;
    const onFault = (error: unknown) => this.#context.log.logError(error);
    await serveWorker(channel, serveWith(store, this.#context), { isTrusted, signal, onFault });
  }
}
