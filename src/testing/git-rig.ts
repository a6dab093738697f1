import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FetchContext } from '../engine/index.ts';
import { testStoreContext } from './store-context.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Of every commit, so that the same files make the same commit. */
export const commitTime = '2020-01-02T03:04:05Z';

/** Git repositories in a folder of their own, and what fetching from them depends on. */
export class GitRig implements Disposable {
  readonly #folder = temporaryFolder();
  readonly warnings: string[] = [];
  /** Folders of work trees that were not as their commits are. */
  readonly dirty: string[] = [];

  at(...names: readonly string[]): string {
    return join(this.#folder.path, ...names);
  }

  /** Runs git in the folder of that name; what it prints. */
  git(name: string, ...args: readonly string[]): string {
    const env = {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_DATE: commitTime,
      GIT_COMMITTER_DATE: commitTime,
    };
    const settings = ['user.name=n', 'user.email=e', 'init.defaultBranch=main', 'protocol.file.allow=always'];
    const given = settings.flatMap(setting => ['-c', setting]);
    const command = [...given, '-C', this.at(name), ...args];
    return execFileSync('git', command, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  }

  /** Commits files, by paths, in the repository of that name, which is made if it is not there; the commit. */
  commit(name: string, files: Readonly<Record<string, string>>, ...options: readonly string[]): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(this.at(name, path)), { recursive: true });
      writeFileSync(this.at(name, path), text);
    }
    mkdirSync(this.at(name), { recursive: true });
    this.git(name, 'init', '-q');
    this.git(name, 'add', '.');
    this.git(name, 'commit', '-q', '--allow-empty', '-m', 'commit', ...options);
    return this.git(name, 'rev-parse', 'HEAD');
  }

  get context(): FetchContext {
    return {
      cacheFolder: this.at('cache'),
      download: testStoreContext(),
      downloads: () => this.#folder.path,
      lifetime: 3600,
      warn: message => void this.warnings.push(message),
      requireFeature: () => undefined,
      onDirty: folder => void this.dirty.push(folder),
    };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
