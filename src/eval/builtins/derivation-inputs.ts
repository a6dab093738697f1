import {
  type DerivedInputs,
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { parseContextElement } from '../context-element.ts';

export interface DerivationInputs {
  readonly sources: StorePath[];
  readonly derivations: Map<StorePath, DerivedInputs>;
}

/** As `DerivedInputs`, while it is being put together. */
interface Draft {
  readonly outputs: Set<OutputName>;
  readonly dynamic: Map<OutputName, Draft>;
}

/** What a derivation needs that is made of strings with this context. */
export function readInputs(evaluator: Evaluator, context: number): DerivationInputs {
  const sources = new Set<StorePath>();
  const derivations = new Map<StorePath, Draft>();
  for (const element of evaluator.core.context(context)) {
    const parsed = parseContextElement(element);
    if (parsed.kind === 'opaque') sources.add(parsed.path);
    else if (parsed.kind === 'built') draftOf(derivations, parsed.derivation).outputs.add(parsed.output);
    else {
      for (const path of evaluator.closureOf(parsed.path)) {
        sources.add(path);
        const derivation = path.endsWith('.drv') ? evaluator.findDerivation(path) : undefined;
        if (derivation === undefined) continue;
        const { outputs } = entryOf(derivations, path);
        for (const output of derivation.outputs.keys()) outputs.add(output);
      }
    }
  }
  return { sources: [...sources].toSorted(byName), derivations: finishAll(derivations) };
}

function draftOf(derivations: Map<StorePath, Draft>, path: SingleDerivingPath): Draft {
  const { base, outputs } = unrollDerivingPath(path);
  let draft = entryOf(derivations, base);
  for (const output of outputs) draft = entryOf(draft.dynamic, output);
  return draft;
}

function entryOf<K>(drafts: Map<K, Draft>, key: K): Draft {
  let draft = drafts.get(key);
  if (draft === undefined) {
    draft = { outputs: new Set(), dynamic: new Map() };
    drafts.set(key, draft);
  }
  return draft;
}

function finishAll<K extends string>(drafts: ReadonlyMap<K, Draft>): Map<K, DerivedInputs> {
  return new Map(
    [...drafts]
      .toSorted(([a], [b]) => byName(a, b))
      .map(([key, { outputs, dynamic }]) => [
        key,
        { outputs: [...outputs].toSorted(byName), dynamic: finishAll(dynamic) },
      ]),
  );
}

function byName<T extends string>(a: T, b: T): number {
  return a < b ? -1 : 1;
}
