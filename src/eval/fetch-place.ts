import { type ByteString, brandAs, displayBytes } from '../base/index.ts';
import { printStorePath } from '../nix-compat/index.ts';
import { resolveChannel } from './channel-url.ts';
import { evalError } from './builtins/arguments.ts';
import type { Evaluator } from './evaluator.ts';
import { isPseudoUrl } from './file-lookup.ts';
import { parseFlakeRef } from './inputs/flake-ref.ts';
import { inputToUrl } from './inputs/input.ts';
import type { EvalNeed } from './needs.ts';

const flakePrefix = 'flake:';

/** Whether a place for files is nothing on this machine yet: an archive at a URL, or the tree of a flake (`flake:REFERENCE`). */
export function isFetchedPlace(text: string): boolean {
  return text.startsWith(flakePrefix) || isPseudoUrl(text);
}

/** Where in the store the tree of such a place is; suspends the evaluation. Throws what fetching throws. */
export function fetchPlace(evaluator: Evaluator, text: ByteString): ByteString {
  const [answer] = evaluator.require([needOf(evaluator, displayBytes(text))]);
  if (answer?.kind === 'failed') throw answer.error;
  if (answer?.kind !== 'tree') throw evalError`cannot fetch '${displayBytes(text)}'`;
  const { path } = evaluator.io.addTree(answer.tree, 'source');
  const printed = printStorePath(evaluator.io.storeDir, path);
  evaluator.access?.allow(printed);
  return brandAs<ByteString>(printed);
}

function needOf(evaluator: Evaluator, text: string): EvalNeed {
  if (!text.startsWith(flakePrefix)) return { kind: 'download', url: resolveChannel(text), unpacks: true };
  evaluator.requireFeature('flakes');
  const { input } = parseFlakeRef(text.slice(flakePrefix.length));
  return { kind: 'tree', input: input.attributes, url: inputToUrl(input), usesAllRegistries: true };
}
