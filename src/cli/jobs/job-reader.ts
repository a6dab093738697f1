import { type ByteString, displayBytes } from '../../base/index.ts';
import {
  type Package,
  type PlainData,
  type Word,
  addressOf,
  allMetaOf,
  autoCall,
  derivationPathOf,
  evalError,
  forceBool,
  isDerivation,
  kindOf,
  listElements,
  packageNameOf,
  parseContextElement,
  parseOwnJson,
  toJson,
} from '../../eval/index.ts';
import { type Derivation, type JsonValue, jsonObject, outputPath, printStorePath } from '../../nix-compat/index.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { parseText } from '../evaluation/source-expression.ts';
import { type DerivationJob, type JobPath, type JobResult, fieldsOfPath, formatJobPath } from './job.ts';
import type { JobRequest } from './job-request.ts';

/** Looks at attributes for jobs, in passes: `read` may be begun anew. */
export class JobReader {
  readonly #evaluation: Evaluation;
  readonly #request: JobRequest;
  /** Evaluated already. */
  readonly #root: Word;
  readonly #apply: Word | undefined;

  constructor(evaluation: Evaluation, request: JobRequest, root: Word) {
    this.#evaluation = evaluation;
    this.#request = request;
    this.#root = root;
    const { apply } = request;
    this.#apply = apply === undefined ? undefined : evaluation.evaluator.delay(parseText(evaluation, apply));
  }

  /** What the attribute at `path` is. Throws what evaluating throws. */
  read(path: JobPath): JobResult {
    const { evaluator, args } = this.#evaluation;
    const { core } = evaluator;
    const value = autoCall(evaluator, args, this.#find(path));
    if (kindOf(core.memory, value) !== 'set') return { kind: 'set', names: [] };
    const attrs = addressOf(value);
    if (evaluator.run(() => isDerivation(evaluator, attrs))) return this.#readDerivation(path, attrs, value);
    const recurses = this.#request.recursesAlways || path.length === 0;
    return { kind: 'set', names: recurses || this.#recurses(attrs) ? this.#names(attrs) : [] };
  }

  #find(path: JobPath): Word {
    const { evaluator, args } = this.#evaluation;
    const { core } = evaluator;
    let word = this.#root;
    for (const [depth, name] of path.entries()) {
      const value = autoCall(evaluator, args, word);
      const isSet = kindOf(core.memory, value) === 'set';
      const found = isSet ? core.lookup(addressOf(value), core.intern(name)) : undefined;
      if (found === undefined) {
        const shown = displayBytes(formatJobPath(path.slice(0, depth + 1)));
        throw evalError`attribute '${shown}' is not there any more`;
      }
      word = evaluator.force(found.word, found.position);
    }
    return word;
  }

  #names(attrs: number): ByteString[] {
    const { core } = this.#evaluation.evaluator;
    return core.sortedAttributes(attrs).map(({ symbol }) => core.nameOf(symbol));
  }

  #recurses(attrs: number): boolean {
    return this.#isSet(attrs, 'recurseForDerivations', 'while evaluating recurseForDerivations');
  }

  /** Whether a boolean attribute is there and true. */
  #isSet(attrs: number, name: string, doing: string): boolean {
    const { evaluator } = this.#evaluation;
    const found = evaluator.core.lookup(attrs, evaluator.core.internText(name));
    return found !== undefined && evaluator.run(() => forceBool(evaluator, found.word, doing, found.position));
  }

  #readDerivation(path: JobPath, attrs: number, value: Word): DerivationJob {
    const { evaluator } = this.#evaluation;
    const { storeDir } = evaluator.io;
    const found: Package = { attributePath: displayBytes(formatJobPath(path)), attrs };
    const name = packageNameOf(evaluator, found);
    const aggregate = this.#request.wantsConstituents ? this.#readConstituents(attrs) : undefined;
    const extra = this.#extraValue(value);
    const drvPath = derivationPathOf(evaluator, found);
    const derivation = evaluator.findDerivation(drvPath);
    if (derivation === undefined)
      throw evalError`derivation '${displayBytes(printStorePath(storeDir, drvPath))}' is not valid`;
    const { wantsInputs, wantsMeta } = this.#request;
    const fields = jsonObject({
      ...fieldsOfPath(path),
      drvPath: printStorePath(storeDir, drvPath),
      name,
      outputs: this.#outputs(derivation),
      system: derivation.platform,
      inputDrvs: wantsInputs ? this.#inputs(derivation) : undefined,
      meta: wantsMeta ? this.#meta(found) : undefined,
      extraValue: extra,
      constituents: aggregate?.derivations,
    });
    const { named = [], arePatterns = false } = aggregate ?? {};
    return { kind: 'derivation', derivation: drvPath, fields, named, arePatterns };
  }

  /** Where outputs will be; null where that is not known before they are built. */
  #outputs(derivation: Derivation): JsonValue {
    const { storeDir } = this.#evaluation.evaluator.io;
    return new Map(
      Array.from(derivation.outputs, ([name, output]): [ByteString, JsonValue] => {
        const place = outputPath(output, name, { name: derivation.name, storeDir });
        return [name, place === undefined ? null : printStorePath(storeDir, place)];
      }),
    );
  }

  #inputs({ inputDerivations }: Derivation): JsonValue {
    const { storeDir } = this.#evaluation.evaluator.io;
    return new Map(
      Array.from(inputDerivations, ([input, { outputs }]): [ByteString, JsonValue] => [
        printStorePath(storeDir, input),
        [...outputs].toSorted(),
      ]),
    );
  }

  #meta(found: Package): JsonValue {
    const members = [...allMetaOf(this.#evaluation.evaluator, found)];
    return new Map(members.flatMap(([name, data]) => (data === undefined ? [] : [[name, jsonOf(data)] as const])));
  }

  #extraValue(value: Word): JsonValue | undefined {
    const { evaluator } = this.#evaluation;
    const callee = this.#apply;
    if (callee === undefined) return undefined;
    const result = evaluator.force(evaluator.keep(() => evaluator.core.delayCall(callee, value)));
    return evaluator.run(() => parseOwnJson(toJson(evaluator, result).text));
  }

  /** What an aggregate says that it is made of: derivations, and names of other jobs. */
  #readConstituents(attrs: number) {
    const { evaluator } = this.#evaluation;
    const { core, io } = evaluator;
    if (!this.#isSet(attrs, '_hydraAggregate', whileEvaluating('_hydraAggregate'))) return undefined;
    const arePatterns = this.#isSet(attrs, '_hydraGlobConstituents', whileEvaluating('_hydraGlobConstituents'));
    const found = core.lookup(attrs, core.internText('constituents'));
    if (found === undefined) throw evalError`derivation must have a '${'constituents'}' attribute`;
    return evaluator.run(() => {
      const derivations = new Set<ByteString>();
      const named: ByteString[] = [];
      const list = core.force(found.word, found.position);
      if (kindOf(core.memory, list) !== 'list') throw evalError`'${'constituents'}' is not a list`;
      evaluator.forEach(listElements(core.memory, addressOf(list)), element => {
        const value = core.force(element);
        if (kindOf(core.memory, value) === 'string') named.push(core.memory.string(addressOf(value)));
        const { context } = evaluator.coerceWithin(element, whileEvaluating('constituents'));
        for (const part of core.context(context).map(parseContextElement)) {
          if (part.kind === 'built' && part.derivation.kind === 'opaque') {
            derivations.add(printStorePath(io.storeDir, part.derivation.path));
          }
        }
      });
      return { derivations: [...derivations], named, arePatterns };
    });
  }
}

function whileEvaluating(name: string): string {
  return `while evaluating the \`${name}\` attribute`;
}

function jsonOf(data: PlainData): JsonValue {
  if (data.kind === 'list') return data.items.map(jsonOf);
  if (data.kind !== 'set') return data.value;
  return new Map(Array.from(data.members, ([name, member]) => [name, jsonOf(member)] as const));
}
