import { type ByteString, displayBytes } from '../../base/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Collector } from '../../store/index.ts';
import { absolutePath } from '../paths.ts';
import type { Realised } from './realise-installables.ts';

/**
 * Makes links to what was realised, which keep it from being collected: `result`, `result-1` for the second, and
 * `result-dev` for an output of that name. Throws as `Collector.addIndirectRoot`.
 */
export async function makeOutLinks(
  collector: Collector,
  prefix: ByteString,
  realised: readonly Realised[],
): Promise<void> {
  const link = displayBytes(absolutePath(prefix));
  for (const [at, each] of realised.entries()) {
    const numbered = at === 0 ? link : `${link}-${at}`;
    for (const [suffix, path] of suffixesOf(each)) await collector.addIndirectRoot(`${numbered}${suffix}`, path);
  }
}

function suffixesOf(realised: Realised): readonly (readonly [suffix: string, path: StorePath])[] {
  if (realised.kind === 'path') return [['', realised.path]];
  return Array.from(
    realised.outputs,
    ([output, path]) => [output === 'out' ? '' : `-${displayBytes(output)}`, path] as const,
  );
}
