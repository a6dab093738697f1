import { existsSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../src/castore/index.ts';
import type { Sample } from './comparison.ts';
import { measure } from './measure.ts';

const bin = join(import.meta.dirname, '../../bin');

/** A store in a folder, without sandboxes, and Firn's commands run in it. */
export class OwnStore implements Disposable {
  readonly folder: string;
  /** Whether a former run has left something there. */
  readonly isUsed: boolean;
  readonly #isKept: boolean;

  /** In a new folder, which is removed, unless one is given. */
  constructor(folder?: string) {
    this.#isKept = folder !== undefined;
    this.folder = folder ?? mkdtempSync(join(realpathSync(tmpdir()), 'firn-bench-'));
    this.isUsed = existsSync(join(this.folder, 'state'));
    mkdirSync(this.folder, { recursive: true });
  }

  /** Messages are thrown away: of thousands of derivations there are some thousand lines. */
  run(command: string, ...args: readonly string[]): { readonly sample: Sample; readonly output: string } {
    const { sample, stdout } = measure(
      {
        argv: ['sh', '-c', 'exec "$@" 2>/dev/null', 'sh', join(bin, command), ...args],
        env: {
          HOME: this.folder,
          NIX_STORE_DIR: join(this.folder, 'store'),
          NIX_STATE_DIR: join(this.folder, 'state'),
          NIX_CONF_DIR: '/var/empty',
          NIX_CONFIG: [
            'experimental-features = nix-command ca-derivations dynamic-derivations',
            'build-users-group =',
            'substituters =',
            'sandbox = false',
            'max-jobs = auto',
          ].join('\n'),
        },
      },
      { record: join(this.folder, 'times'), consumer: 'wc -c' },
    );
    return { sample, output: stdout.trim() };
  }

  [Symbol.dispose](): void {
    if (!this.#isKept) removeTree(this.folder);
  }
}
