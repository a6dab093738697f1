import type { ByteString } from '../../base/index.ts';
import { type ChosenPackage, type SelectablePackage, metaInt, readElement } from '../../engine/index.ts';
import {
  type Evaluator,
  type Package,
  type PlainData,
  metaOf,
  packageNameOf,
  plainDataOf,
  systemOf,
} from '../../eval/index.ts';

/** A package that is offered or installed. What is asked of it is evaluated then: within `Evaluation.perform`. */
export interface PackageCandidate extends SelectablePackage {
  readonly read: () => ChosenPackage;
}

/** A derivation that an expression evaluates to. */
export class EvaluatedPackage implements PackageCandidate {
  readonly evaluator: Evaluator;
  readonly found: Package;
  readonly name: ByteString;

  constructor(evaluator: Evaluator, found: Package) {
    this.evaluator = evaluator;
    this.found = found;
    this.name = packageNameOf(evaluator, found);
  }

  readonly system = (): ByteString => systemOf(this.evaluator, this.found);

  readonly priority = (): bigint => {
    const data = this.meta('priority');
    return data === undefined ? 0n : metaInt(new Map([['priority', data]]), 'priority', 0n);
  };

  readonly read = (): ChosenPackage => readElement(this.evaluator, this.found);

  /** What `meta` says of `name`, if it can be written down. */
  meta(name: string): PlainData | undefined {
    const word = metaOf(this.evaluator, this.found, name);
    return word === undefined ? undefined : this.evaluator.run(() => plainDataOf(this.evaluator, word));
  }
}
