import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { parseUrl } from '../../nix-compat/index.ts';

const segment = '[a-zA-Z0-9_-]+';
const attribute = new RegExp(`^((?:${segment}\\.)*)(${segment})(?:\\^.*)?$`);
const lastSegment = new RegExp(`^.*/(${segment})$`);
const secondSegment = new RegExp(`^${segment}/(${segment})(?:/.*)?$`);

/**
 * The name for a package of a flake (`URL#ATTRIBUTE`): its folder's, its attribute's unless everybody has that, else that
 * of the repository or folder that the flake is. Undefined where none of these says anything.
 */
export function nameOfUrl(text: ByteString): ByteString | undefined {
  const url = parseUrl(text);
  const folder = url.query.get(byteStringFromText('dir'));
  if (folder !== undefined) return folder;
  const [, parents, name] = attribute.exec(url.fragment) ?? [];
  if (name !== undefined && name !== 'default' && parents !== 'defaultPackage.') return byteStringFromLatin1(name);
  const path = url.path.join('/');
  const isForge = /^(?:github|gitlab|sourcehut)$/.test(url.scheme);
  const found = (isForge ? secondSegment.exec(path)?.[1] : undefined) ?? lastSegment.exec(path)?.[1];
  return found === undefined ? undefined : byteStringFromLatin1(found);
}
