import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type ParsedUrl, formatHash, parseHash, parseUrl } from '../../nix-compat/index.ts';
import { commitKeysOf, formatCommitKeys } from './commit-keys.ts';
import {
  type GivenCommit,
  type InputAttributes,
  type InputScheme,
  asBadUrl,
  attributesToJson,
  badUrl,
  flagAttribute,
  formatUrl,
  inputError,
  requireText,
  revisionOf,
  textAttribute,
  withAttributes,
} from './input-scheme.ts';

const revision = /^[0-9a-fA-F]{40}$/;
const flakeId = /^[a-zA-Z][a-zA-Z0-9_-]*$/;
const bytes = byteStringFromText;

/** A branch or tag that git would take, as far as it is looked at here (git-check-ref-format). */
export function isLegalRefName(name: string): boolean {
  return (
    /^[^\x00-\x20\x7f~^:?*[\\]+$/.test(name) &&
    !/^[/-]|\/$|\/\/|\.\.|@\{|(?:^|\/)\.|\.lock(?:$|\/)|\.$/.test(name) &&
    name !== '@'
  );
}

function parameter({ query }: ParsedUrl, name: string): string | undefined {
  const value = query.get(bytes(name));
  return value === undefined ? undefined : displayBytes(value);
}

function newUrl(scheme: string, path: readonly string[], query: ReadonlyMap<string, string> = new Map()): ParsedUrl {
  return {
    scheme,
    authority: undefined,
    path: path.map(segment => bytes(segment)),
    query: new Map([...query].map(([name, value]) => [bytes(name), bytes(value)])),
    fragment: bytes(''),
  };
}

function narHashOf(attributes: InputAttributes): string | undefined {
  const text = textAttribute(attributes, 'narHash');
  return text === undefined ? undefined : formatHash(parseHash(text === '' ? 'sha256:' : text), 'sri');
}

/** The path's segments that are not empty. */
function segments({ path }: ParsedUrl): string[] {
  return path.map(segment => displayBytes(segment)).filter(segment => segment !== '');
}

const indirect: InputScheme = {
  type: 'indirect',
  isIndirect: true,
  allowed: new Set(['id', 'ref', 'rev', 'narHash']),
  fromUrl(url) {
    if (url.scheme !== 'flake') return undefined;
    const [id = '', second, third, ...more] = segments(url);
    const shown = formatUrl(url);
    if (more.length > 0 || id === '') throw badUrl`GitHub URL '${shown}' is invalid`;
    const attributes: InputAttributes = new Map([['type', 'indirect']]);
    if (third !== undefined && second !== undefined) {
      if (!isLegalRefName(second)) throw badUrl`in flake URL '${shown}', '${second}' is not a branch/tag name`;
      if (!revision.test(third)) throw badUrl`in flake URL '${shown}', '${third}' is not a commit hash`;
      attributes.set('ref', second).set('rev', third.toLowerCase());
    } else if (second !== undefined) {
      if (revision.test(second)) attributes.set('rev', second.toLowerCase());
      else if (isLegalRefName(second)) attributes.set('ref', second);
      else throw badUrl`in flake URL '${shown}', '${second}' is not a commit hash or branch/tag name`;
    }
    if (!flakeId.test(id)) throw badUrl`'${id}' is not a valid flake ID`;
    return attributes.set('id', id);
  },
  fromAttributes(attributes) {
    const id = requireText(attributes, 'id');
    if (!flakeId.test(id)) throw badUrl`'${id}' is not a valid flake ID`;
    return attributes;
  },
  toUrl(attributes) {
    const parts = [requireText(attributes, 'id'), textAttribute(attributes, 'ref'), revisionOf(attributes)];
    return newUrl(
      'flake',
      parts.filter(part => part !== undefined),
    );
  },
  isLocked: () => false,
  withCommit: withGivenCommit,
};

const path: InputScheme = {
  type: 'path',
  allowed: new Set(['path', 'rev', 'revCount', 'lastModified', 'narHash']),
  fromUrl(url) {
    if (url.scheme !== 'path') return undefined;
    const shown = formatUrl(url);
    if (url.authority !== undefined && url.authority.host !== '') {
      throw inputError`path URL '${shown}' should not have an authority ('${displayBytes(url.authority.host)}')`;
    }
    const attributes: InputAttributes = new Map([
      ['type', 'path'],
      ['path', url.path.map(segment => displayBytes(segment)).join('/')],
    ]);
    for (const [name, value] of url.query) {
      const key = displayBytes(name);
      if (key === 'rev' || key === 'narHash') attributes.set(key, displayBytes(value));
      else if (key !== 'revCount' && key !== 'lastModified') {
        throw inputError`path URL '${shown}' has unsupported parameter '${key}'`;
      } else if (/^[0-9]+$/.test(value)) attributes.set(key, BigInt(value));
      else throw inputError`path URL '${shown}' has invalid parameter '${key}'`;
    }
    return attributes;
  },
  fromAttributes(attributes) {
    requireText(attributes, 'path');
    return attributes;
  },
  toUrl(attributes) {
    const query = new Map<string, string>();
    for (const [name, value] of attributes) {
      if (name === 'path' || name === 'type' || name === '__final') continue;
      query.set(name, typeof value === 'boolean' ? (value ? '1' : '0') : String(value));
    }
    return newUrl('path', requireText(attributes, 'path').split('/'), query);
  },
  isLocked: attributes => narHashOf(attributes) !== undefined,
};

/** Repositories of services that give out archives of commits. */
function archives(type: string): InputScheme {
  return {
    type,
    allowed: new Set(['owner', 'repo', 'ref', 'rev', 'narHash', 'lastModified', 'host', 'treeHash']),
    fromUrl(url) {
      if (url.scheme !== type) return undefined;
      const [owner, repo, ...rest] = segments(url);
      const shown = formatUrl(url);
      if (owner === undefined || repo === undefined) throw badUrl`URL '${shown}' is invalid`;
      const last = rest.join('/');
      const isRevision = rest.length === 1 && revision.test(last);
      const given = { rev: isRevision ? last : undefined, ref: isRevision || last === '' ? undefined : last };
      const [rev, ref] = [parameter(url, 'rev'), parameter(url, 'ref')];
      if (rev !== undefined && given.rev !== undefined) throw badUrl`URL '${shown}' contains multiple commit hashes`;
      if (ref !== undefined && given.ref !== undefined) throw badUrl`URL '${shown}' contains multiple branch/tag names`;
      const attributes: InputAttributes = new Map([
        ['type', type],
        ['owner', owner],
        ['repo', repo],
      ]);
      const others = {
        rev: rev ?? given.rev,
        ref: ref ?? given.ref,
        host: parameter(url, 'host'),
        narHash: parameter(url, 'narHash'),
      };
      for (const [name, value] of Object.entries(others)) if (value !== undefined) attributes.set(name, value);
      return this.fromAttributes(attributes);
    },
    fromAttributes(attributes) {
      requireText(attributes, 'owner');
      requireText(attributes, 'repo');
      const ref = textAttribute(attributes, 'ref');
      const rev = textAttribute(attributes, 'rev');
      const json = () => attributesToJson(new Map([...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1))));
      if (ref !== undefined && rev !== undefined) {
        throw badUrl`input ${json()} contains both a commit hash ('${rev}') and a branch/tag name ('${ref}')`;
      }
      if (rev !== undefined) parseHash(rev, 'sha1');
      if (ref !== undefined && !isLegalRefName(ref)) throw badUrl`input ${json()} contains an invalid branch/tag name`;
      const host = textAttribute(attributes, 'host');
      if (host !== undefined && !/^[a-zA-Z0-9.-]*$/.test(host)) {
        throw badUrl`input ${json()} contains an invalid instance host`;
      }
      return attributes;
    },
    toUrl(attributes) {
      const last = textAttribute(attributes, 'ref') ?? revisionOf(attributes);
      const parts = [requireText(attributes, 'owner'), requireText(attributes, 'repo')];
      const query = new Map<string, string>();
      const narHash = narHashOf(attributes);
      if (narHash !== undefined) query.set('narHash', narHash);
      const host = textAttribute(attributes, 'host');
      if (host !== undefined) query.set('host', host);
      return newUrl(type, last === undefined ? parts : [...parts, last], query);
    },
    isLocked: attributes => revisionOf(attributes) !== undefined,
    withCommit(attributes, { ref, rev }) {
      if (rev !== undefined && ref !== undefined) {
        const shown = formatUrl(this.toUrl(attributes));
        throw badUrl`cannot apply both a commit hash (${rev}) and a branch/tag name ('${ref}') to input '${shown}'`;
      }
      const made = withAttributes(attributes, { ref, rev });
      if (rev !== undefined) made.delete('ref');
      if (ref !== undefined) made.delete('rev');
      return made;
    },
  };
}

const archiveName = /\.(?:zip|tar|tgz|tar\.(?:gz|xz|bz2|zst))$/;

/** Files and archives behind a URL. */
function downloads(type: 'file' | 'tarball'): InputScheme {
  const allowed = new Set(['url', 'narHash', 'name', 'unpack', 'rev', 'revCount', 'lastModified']);
  return {
    type,
    allowed,
    fromUrl(url, wantsTree) {
      const [application, transport] = splitScheme(url.scheme);
      if (!['file', 'http', 'https'].includes(transport)) return undefined;
      const usual = wantsTree || archiveName.test(url.path.at(-1) ?? '') ? 'tarball' : 'file';
      if ((application ?? usual) !== type) return undefined;
      const attributes: InputAttributes = new Map([['type', type]]);
      for (const name of ['narHash', 'rev']) {
        const value = parameter(url, name);
        if (value !== undefined) attributes.set(name, value);
      }
      for (const name of ['revCount', 'lastModified']) {
        const value = parameter(url, name);
        if (value !== undefined && /^[0-9]+$/.test(value)) attributes.set(name, BigInt(value));
      }
      const query = new Map([...url.query].filter(([name]) => !allowed.has(name)));
      return attributes.set('url', formatUrl({ ...url, scheme: transport, query }));
    },
    fromAttributes: attributes => attributes,
    toUrl(attributes) {
      const url = asBadUrl(() => parseUrl(bytes(requireText(attributes, 'url'))));
      const narHash = narHashOf(attributes);
      return narHash === undefined ? url : { ...url, query: new Map(url.query).set(bytes('narHash'), bytes(narHash)) };
    },
    isLocked: attributes => narHashOf(attributes) !== undefined,
  };
}

/** `git+https`: what is to be made of it, and how it is got. */
function splitScheme(scheme: string): [application: string | undefined, transport: string] {
  const plus = scheme.indexOf('+');
  return plus < 0 ? [undefined, scheme] : [scheme.slice(0, plus), scheme.slice(plus + 1)];
}

const gitText = new Set(['rev', 'ref', 'keytype', 'publicKey', 'publicKeys']);
const gitFlags = new Set(['shallow', 'submodules', 'lfs', 'exportIgnore', 'allRefs', 'verifyCommit']);
const gitOthers = ['url', 'lastModified', 'revCount', 'narHash', 'name', 'dirtyRev', 'dirtyShortRev'];

const git: InputScheme = {
  type: 'git',
  allowed: new Set([...gitText, ...gitFlags, ...gitOthers]),
  fromUrl(url) {
    if (url.scheme !== 'git' && splitScheme(url.scheme)[0] !== 'git') return undefined;
    const attributes: InputAttributes = new Map([['type', 'git']]);
    const query = new Map<ByteString, ByteString>();
    for (const [name, value] of url.query) {
      if (gitText.has(name)) attributes.set(name, displayBytes(value));
      else if (gitFlags.has(name)) attributes.set(name, value === '1');
      else query.set(name, value);
    }
    attributes.set('url', formatUrl({ ...url, query, fragment: bytes('') }));
    return this.fromAttributes(attributes);
  },
  fromAttributes(attributes) {
    flagAttribute(attributes, 'verifyCommit');
    const ref = textAttribute(attributes, 'ref');
    if (ref !== undefined && !isLegalRefName(ref)) throw badUrl`invalid Git branch/tag name '${ref}'`;
    const made = new Map(attributes).set('url', formatUrl(fixGitUrl(requireText(attributes, 'url'))));
    for (const name of ['shallow', 'submodules', 'allRefs']) flagAttribute(made, name);
    return made;
  },
  toUrl(attributes) {
    const url = asBadUrl(() => parseUrl(bytes(requireText(attributes, 'url'))));
    const query = new Map(url.query);
    const rev = revisionOf(attributes);
    if (rev !== undefined) query.set(bytes('rev'), bytes(rev));
    const ref = textAttribute(attributes, 'ref');
    if (ref !== undefined) query.set(bytes('ref'), bytes(ref));
    for (const name of ['shallow', 'lfs', 'submodules', 'exportIgnore', 'verifyCommit']) {
      if (flagAttribute(attributes, name) === true) query.set(bytes(name), bytes('1'));
    }
    const keys = commitKeysOf(attributes);
    const [only] = keys;
    if (keys.length > 1) query.set(bytes('publicKeys'), bytes(formatCommitKeys(keys)));
    else if (only !== undefined) query.set(bytes('keytype'), bytes(only.type)).set(bytes('publicKey'), bytes(only.key));
    return { ...url, scheme: url.scheme === 'git' ? 'git' : `git+${url.scheme}`, query };
  },
  isLocked(attributes) {
    const rev = revisionOf(attributes);
    return rev !== undefined && !/^0*$/.test(rev);
  },
  withCommit(attributes, commit) {
    const made = withGivenCommit(attributes, commit);
    if (textAttribute(made, 'ref') === undefined && revisionOf(made) !== undefined) {
      throw inputError`Git input '${formatUrl(this.toUrl(made))}' has a commit hash but no branch/tag name`;
    }
    return made;
  },
};

function withGivenCommit(attributes: InputAttributes, { ref, rev }: GivenCommit): InputAttributes {
  return withAttributes(attributes, { ref, rev });
}

/** What git takes for a repository, as a URL: `user@host:path` and paths, too. */
export function fixGitUrl(text: string): ParsedUrl {
  const fixed = text.startsWith('/') ? text : text.replace(/^([^/]*)@(.*):(.*)$/s, 'ssh://$1@$2/$3');
  if (!/^(?:git\+)?file:/.test(fixed) && !fixed.includes('://')) {
    const parts = fixed.split('/');
    if (parts[0]?.includes(':') === true) {
      throw badUrl`SCP-like URL '${fixed}' is not supported; use SSH URL syntax instead (ssh://...)`;
    }
    const url = newUrl('file', parts);
    return fixed.startsWith('/') ? { ...url, authority: noAuthority } : url;
  }
  const url = asBadUrl(() => parseUrl(bytes(fixed)));
  const [application, transport] = splitScheme(url.scheme);
  return application === 'git' ? { ...url, scheme: transport } : url;
}

/** As in `file:///`. */
export const noAuthority = {
  user: undefined,
  password: undefined,
  host: bytes(''),
  hostType: 'name',
  port: undefined,
} as const;

const mercurial: InputScheme = {
  type: 'hg',
  allowed: new Set(['url', 'ref', 'rev', 'revCount', 'narHash', 'name']),
  fromUrl(url) {
    const [application, transport] = splitScheme(url.scheme);
    if (application !== 'hg' || !['http', 'https', 'ssh', 'file'].includes(transport)) return undefined;
    const attributes: InputAttributes = new Map([['type', 'hg']]);
    const query = new Map<ByteString, ByteString>();
    for (const [name, value] of url.query) {
      if (name === 'rev' || name === 'ref') attributes.set(name, displayBytes(value));
      else query.set(name, value);
    }
    attributes.set('url', formatUrl({ ...url, scheme: transport, query }));
    return this.fromAttributes(attributes);
  },
  fromAttributes(attributes) {
    asBadUrl(() => parseUrl(bytes(requireText(attributes, 'url'))));
    const ref = textAttribute(attributes, 'ref');
    if (ref !== undefined && !/^[a-zA-Z0-9@][a-zA-Z0-9_./@+-]*$/.test(ref)) {
      throw badUrl`invalid Mercurial branch/tag name '${ref}'`;
    }
    return attributes;
  },
  toUrl(attributes) {
    const url = asBadUrl(() => parseUrl(bytes(requireText(attributes, 'url'))));
    const query = new Map(url.query);
    const rev = revisionOf(attributes);
    if (rev !== undefined) query.set(bytes('rev'), bytes(rev));
    const ref = textAttribute(attributes, 'ref');
    if (ref !== undefined) query.set(bytes('ref'), bytes(ref));
    return { ...url, scheme: `hg+${url.scheme}`, query };
  },
  isLocked: attributes => revisionOf(attributes) !== undefined,
  withCommit: withGivenCommit,
};

/** In the order in which a URL is offered to them. */
export const inputSchemes: readonly InputScheme[] = [
  downloads('file'),
  git,
  archives('github'),
  archives('gitlab'),
  mercurial,
  indirect,
  path,
  archives('sourcehut'),
  downloads('tarball'),
];
