import { bytesOf, byteStringFromText } from '../../base/index.ts';
import { type Input, textAttribute } from '../../eval/index.ts';
import { hashBytes } from '../../nix-compat/index.ts';
import { formatLockFile } from './lock-file.ts';
import { findUnlocked } from './lock-graph.ts';
import type { LockedFlake } from './lock-flake.ts';

/**
 * What stands for all that evaluating a flake depends on, in base 16, as C++ Nix computes it; undefined where something of
 * that is not known.
 */
export async function fingerprintOf({ flake, root }: LockedFlake): Promise<string | undefined> {
  if (findUnlocked(root, false) !== undefined) return undefined;
  const { input, folder } = flake.locked;
  const own = fingerprintOfInput(input, await flake.treeFingerprint?.());
  if (own === undefined) return undefined;
  const { attributes } = input;
  const known = ['revCount', 'lastModified'].map(name => {
    const value = attributes.get(name);
    return value === undefined ? '' : `;${name}=${String(value)}`;
  });
  const text = `${own};${folder};${formatLockFile(root).text}${known.join('')}`;
  return Buffer.from(hashBytes('sha256', bytesOf(byteStringFromText(text))).digest).toString('hex');
}

function fingerprintOfInput({ attributes }: Input, ofTree: string | undefined): string | undefined {
  const narHash = textAttribute(attributes, 'narHash');
  if (attributes.get('type') === 'path') return narHash === undefined ? undefined : `path:${narHash}`;
  const rev = textAttribute(attributes, 'rev');
  if (attributes.get('type') !== 'git') return rev;
  const [commit, tree] = (rev ?? ofTree)?.split(/(?=;d=)/) ?? [];
  if (commit === undefined) return undefined;
  const flags = [
    ['submodules', ';s'],
    ['exportIgnore', ';e'],
    ['lfs', ';l'],
  ] as const;
  return commit + flags.map(([name, mark]) => (attributes.get(name) === true ? mark : '')).join('') + (tree ?? '');
}
