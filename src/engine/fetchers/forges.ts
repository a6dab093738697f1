import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { EvalError, evalError } from '../../eval/index.ts';
import {
  type JsonValue,
  expectKey,
  expectObject,
  expectString,
  formatJson,
  isJsonArray,
  isJsonObject,
  parseJson,
} from '../../nix-compat/index.ts';

/** A repository of a service that gives out archives of commits. */
export interface ForgePlace {
  readonly host: string;
  readonly owner: string;
  readonly repo: string;
}

/** How what is at a URL is asked for; what was asked not long ago is known. */
export type AskForge = (url: string) => Promise<ByteString>;

/** What is asked for, in words of the input. */
export interface ForgeReference {
  readonly ref: string;
  /** The input's URL. */
  readonly shown: string;
}

/** One kind of such services. */
export interface Forge {
  readonly usualHost: string;
  /** The header that a token of `access-tokens` is sent in. */
  authorize(token: string, warn: (message: string) => void): readonly [name: string, value: string];
  /** The commit that a branch or tag is at, in base 16. Throws `eval/error`, `json/…` and what asking throws. */
  findCommit(place: ForgePlace, reference: ForgeReference, ask: AskForge): Promise<string>;
  /** Where the archive of a commit is. */
  archiveUrl(place: ForgePlace, rev: string, isAuthorized: boolean): string;
  /** Where git clones from. */
  repositoryUrl(place: ForgePlace): string;
}

const github: Forge = {
  usualHost: 'github.com',
  authorize: token => ['Authorization', `token ${token}`],
  async findCommit(place, { ref }, ask) {
    const commit = expectObject(parseJson(await ask(`${githubApi(place)}/commits/${ref}`)));
    return displayBytes(expectString(expectKey(commit, 'sha')));
  },
  archiveUrl(place, rev, isAuthorized) {
    const { host, owner, repo } = place;
    // Those for everybody count less towards limits.
    const isPublic = host === this.usualHost && !isAuthorized;
    return isPublic ? `https://${host}/${owner}/${repo}/archive/${rev}.tar.gz` : `${githubApi(place)}/tarball/${rev}`;
  },
  repositoryUrl: ({ host, owner, repo }) => `https://${host}/${owner}/${repo}.git`,
};

function githubApi({ host, owner, repo }: ForgePlace): string {
  const base = host === github.usualHost ? `https://api.${host}` : `https://${host}/api/v3`;
  return `${base}/repos/${owner}/${repo}`;
}

const gitlab: Forge = {
  usualHost: 'gitlab.com',
  authorize(token, warn) {
    const colon = token.indexOf(':');
    const [type, value] = colon < 0 ? [token, token] : [token.slice(0, colon), token.slice(colon + 1)];
    if (type === 'OAuth2') return ['Authorization', `Bearer ${value}`];
    if (type === 'PAT') return ['Private-token', value];
    warn(`Unrecognized GitLab token type ${type}`);
    return [type, value];
  },
  async findCommit(place, { ref }, ask) {
    const answer = parseJson(await ask(`${gitlabApi(place)}/commits?ref_name=${ref}`));
    const id = idOfFirst(answer);
    if (id !== undefined) return id;
    if (isEmptyArray(answer)) {
      throw new EvalError('eval/error', 'No commits returned by GitLab API -- does the git ref really exist?');
    }
    throw evalError`Unexpected response received from GitLab: ${displayBytes(formatJson(answer))}`;
  },
  archiveUrl: (place, rev) => `${gitlabApi(place)}/archive.tar.gz?sha=${rev}`,
  repositoryUrl: ({ host, owner, repo }) => `https://${host}/${owner}/${repo}.git`,
};

function gitlabApi({ host, owner, repo }: ForgePlace): string {
  return `https://${host}/api/v4/projects/${owner}%2F${repo}/repository`;
}

function isEmptyArray(answer: JsonValue): boolean {
  return isJsonArray(answer) && answer.length === 0;
}

function idOfFirst(answer: JsonValue): string | undefined {
  const [first] = isJsonArray(answer) ? answer : [];
  const id = first !== undefined && isJsonObject(first) ? first.get(byteStringFromText('id')) : undefined;
  return typeof id === 'string' ? displayBytes(id) : undefined;
}

const sourcehut: Forge = {
  usualHost: 'git.sr.ht',
  authorize: token => ['Authorization', `Bearer ${token}`],
  async findCommit({ host, owner, repo }, { ref, shown }, ask) {
    const base = `https://${host}/${owner}/${repo}`;
    let wanted: readonly string[] = [`refs/heads/${ref}`, `refs/tags/${ref}`];
    if (ref === 'HEAD') {
      const [line = ''] = displayBytes(await ask(`${base}/HEAD`)).split('\n', 1);
      const target = parseReference(line)?.target;
      if (target === undefined) throw evalError`in '${shown}', couldn't resolve HEAD ref '${ref}'`;
      wanted = [target];
    }
    for (const line of displayBytes(await ask(`${base}/info/refs`)).split('\n')) {
      const found = parseReference(line);
      if (found?.name !== undefined && wanted.includes(found.name)) return found.target;
    }
    throw evalError`in '${shown}', couldn't find ref '${ref}'`;
  },
  archiveUrl: ({ host, owner, repo }, rev) => `https://${host}/${owner}/${repo}/archive/${rev}.tar.gz`,
  repositoryUrl: ({ host, owner, repo }) => `https://${host}/${owner}/${repo}`,
};

/** A line of what git says of references: `ref: TARGET`, or a hash and the name of what has it. */
function parseReference(line: string): { readonly target: string; readonly name: string | undefined } | undefined {
  const [, target, name] = /^(?:ref: *)?(\S+)(?:\t+(.*))?$/.exec(line) ?? [];
  return target === undefined ? undefined : { target, name: name === '' ? undefined : name };
}

export const forges: ReadonlyMap<string, Forge> = new Map([
  ['github', github],
  ['gitlab', gitlab],
  ['sourcehut', sourcehut],
]);
