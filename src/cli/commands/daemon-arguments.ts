import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { serveWith } from '../served-store.ts';
import { openStandardChannel } from '../standard-channel.ts';
import { firnVersion } from '../version.ts';

/** What `nix daemon` and `nix-daemon` are told, and do. */
export class DaemonArguments {
  readonly flags: readonly Flag[];
  readonly #context: CommandContext;
  #standard = false;
  /** Who speaks through standard streams is trusted unless told otherwise: nobody can see who it is. */
  #isTrusted = true;

  constructor(context: CommandContext) {
    this.#context = context;
    const trust = (long: string, summary: string, isTrusted: boolean): Flag => ({
      long,
      labels: [],
      summary,
      apply: () => {
        context.settings.require('daemon-trust-override');
        this.#isTrusted = isTrusted;
      },
    });
    this.flags = [
      {
        long: 'stdio',
        labels: [],
        summary: 'Serve one client through standard input and output.',
        apply: () => (this.#standard = true),
      },
      trust('force-trusted', 'Trust the client.', true),
      trust('force-untrusted', 'Do not trust the client.', false),
      trust('default-trust', 'Trust the client as usual.', true),
      {
        long: 'process-ops',
        labels: [],
        summary: 'Changes nothing: requests are never forwarded unread.',
        apply: () => context.settings.require('mounted-ssh-store'),
      },
    ];
  }

  async run(): Promise<void> {
    if (!this.#standard) {
      const message = `'nix-daemon' without '--stdio' is not part of Firn ${firnVersion()} yet: it serves one client through standard input and output`;
      throw new CliError('command/absent', message);
    }
    const { signal } = this.#context;
    // Not before it is needed: what talks to Bazel and its like would be in the heap of every process (docs/adr/0009).
    const { serveWorker } = await import('../../server/index.ts');
    await using store = await openCommandStore(this.#context);
    await using channel = openStandardChannel();
    await serveWorker(channel, serveWith(store, this.#context), { isTrusted: this.#isTrusted, signal });
  }
}
