import { displayBytes, emphasise } from '../../base/index.ts';
import type { OutputName } from '../../nix-compat/index.ts';
import { rejection } from './rejection.ts';

export interface OutputGraph {
  /** In byte order of their names, as those that each refers to. */
  readonly outputs: Iterable<OutputName>;
  readonly referencesOf: (output: OutputName) => Iterable<OutputName>;
  /** The derivation, as messages show it. */
  readonly shown: string;
}

/** The outputs, each after those that it refers to; those that refer to each other in a circle are refused. */
export function orderOutputs({ outputs, referencesOf, shown }: OutputGraph): OutputName[] {
  const all = new Set(outputs);
  const ordered = new Set<OutputName>();
  const open = new Set<OutputName>();
  for (const output of all) visit(output, output);
  return [...ordered];

  function visit(output: OutputName, from: OutputName): void {
    if (open.has(output)) {
      const [to, by] = [output, from].map(name => emphasise(displayBytes(name)));
      throw rejection(`cycle detected in build of '${shown}' in the references of output '${to}' from output '${by}'`);
    }
    if (ordered.has(output)) return;
    open.add(output);
    for (const reference of referencesOf(output))
      if (reference !== output && all.has(reference)) visit(reference, output);
    open.delete(output);
    ordered.add(output);
  }
}
