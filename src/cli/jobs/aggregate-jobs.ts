import { type ByteString, type Reporter, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type JsonObject,
  type JsonValue,
  type OutputName,
  type StorePath,
  fillOutputPaths,
  isJsonArray,
  makeDerivationFile,
  outputPath,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, addDerivation, readDerivation, readInputDerivations } from '../../store/index.ts';
import { type DerivationJob, type JobPath, formatJobPath } from './job.ts';
import { matchesPattern } from './match-pattern.ts';

/** A job that has ended. */
interface EndedJob {
  readonly fields: JsonObject;
  /** Undefined where it failed. */
  readonly job: DerivationJob | undefined;
}

/** An aggregate, with what it names. */
interface Aggregate {
  readonly name: string;
  readonly job: DerivationJob;
  readonly members: ReadonlySet<string>;
  /** Names that lead to nothing, and why. */
  readonly broken: ReadonlyMap<string, string>;
}

export interface CompletedJob {
  readonly fields: JsonObject;
  /** Undefined where it failed. */
  readonly derivation: StorePath | undefined;
}

export interface CompleteOptions {
  readonly log: Reporter;
  readonly signal: AbortSignal;
  /** Whether derivations are in the store, so that others can be made of them. */
  readonly writes: boolean;
}

/**
 * Aggregates of Hydra's: derivations that name other jobs as what they are made of. When all jobs have ended, the
 * derivations of those become their inputs, and so they become other derivations.
 */
export class AggregateJobs {
  readonly #ended = new Map<string, EndedJob>();

  /** To be called for each job that has ended. */
  note(path: JobPath, fields: JsonObject, job?: DerivationJob): void {
    this.#ended.set(displayBytes(formatJobPath(path)), { fields, job });
  }

  /** The aggregates that name other jobs, those that others name before these. */
  async *complete(store: Store, options: CompleteOptions): AsyncGenerator<CompletedJob> {
    const aggregates = new Map<string, Aggregate>();
    for (const [name, { job }] of this.#ended) {
      if (job !== undefined && job.named.length > 0) aggregates.set(name, this.#resolve(name, job, options.log));
    }
    const made = new Map<string, StorePath>();
    for (const aggregate of inOrder(aggregates)) {
      if (aggregate.broken.size > 0) {
        const lines = Array.from(aggregate.broken, ([name, reason]) => `${name}: ${reason}\n`);
        const error = byteStringFromText(lines.join(''));
        yield { fields: withFields(aggregate.job.fields, { error }), derivation: undefined };
      } else {
        const completed = await this.#rewrite(store, aggregate, { ...options, made });
        if (completed.derivation !== undefined) made.set(aggregate.name, completed.derivation);
        yield completed;
      }
    }
  }

  #resolve(name: string, job: DerivationJob, log: Reporter): Aggregate {
    const members = new Set<string>();
    const broken = new Map<string, string>();
    const add = (member: string): void => {
      const ended = this.#ended.get(member);
      if (ended?.job !== undefined) members.add(member);
      else {
        const error = ended?.fields.get(byteStringFromText('error'));
        const reason = typeof error === 'string' ? displayBytes(error) : 'does not exist';
        broken.set(member, reason);
        log.log('error', `aggregate job '${name}' references broken job '${member}': ${reason}`);
      }
    };
    for (const wanted of job.named.map(displayBytes)) {
      if (!job.arePatterns || this.#ended.has(wanted)) add(wanted);
      else {
        const found = [...this.#ended.keys()].filter(other => other !== name && matchesPattern(wanted, other));
        if (found.length === 0) broken.set(wanted, 'constituent glob pattern had no matches');
        for (const other of found) add(other);
      }
    }
    return { name, job, members, broken };
  }

  async #rewrite(
    store: Store,
    { job, members }: Aggregate,
    { made, signal, writes }: CompleteOptions & { readonly made: ReadonlyMap<string, StorePath> },
  ): Promise<CompletedJob> {
    const inputs = [...members].flatMap(name => made.get(name) ?? this.#ended.get(name)?.job?.derivation ?? []);
    const known = job.fields.get(byteStringFromText('constituents'));
    const print = (path: StorePath) => printStorePath(store.storeDir, path);
    const own = known !== undefined && isJsonArray(known) ? known : [];
    const constituents = [...own, ...inputs.map(print)];
    if (!writes) return { fields: withFields(job.fields, { constituents }), derivation: job.derivation };
    const derivation = await withInputs(store, { path: job.derivation, inputs, signal });
    const file = makeDerivationFile(store.storeDir, derivation);
    await addDerivation(store, file, { signal });
    const outputs = new Map(
      Array.from(derivation.outputs, ([name, output]): [ByteString, JsonValue] => {
        const place = outputPath(output, name, { name: derivation.name, storeDir: store.storeDir });
        return [name, place === undefined ? null : print(place)];
      }),
    );
    return {
      fields: withFields(job.fields, { constituents, drvPath: print(file.path), outputs }),
      derivation: file.path,
    };
  }
}

function withFields(fields: JsonObject, more: Readonly<Record<string, JsonValue>>): JsonObject {
  return new Map([
    ...fields,
    ...Object.entries(more).map(([name, value]) => [byteStringFromText(name), value] as const),
  ]);
}

/** Members before what they are members of. In a cycle somebody comes first. */
function* inOrder(aggregates: ReadonlyMap<string, Aggregate>): Generator<Aggregate> {
  const begun = new Set<string>();
  // Names, with whether their members were gone through.
  const open: { readonly name: string; readonly isReady: boolean }[] = [...aggregates.keys()]
    .toSorted()
    .toReversed()
    .map(name => ({ name, isReady: false }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { name, isReady } = next;
    const aggregate = aggregates.get(name);
    if (aggregate === undefined) continue;
    if (isReady) yield aggregate;
    else if (!begun.has(name)) {
      begun.add(name);
      open.push(
        { name, isReady: true },
        ...Array.from(aggregate.members, member => ({ name: member, isReady: false })),
      );
    }
  }
}

/** A derivation that needs the first outputs of others, too; outputs whose paths follow from inputs have other paths then. */
async function withInputs(
  store: Store,
  {
    path,
    inputs,
    signal,
  }: { readonly path: StorePath; readonly inputs: readonly StorePath[]; readonly signal: AbortSignal },
): Promise<Derivation> {
  const old = await readDerivation(store, path, { signal });
  const inputDerivations = new Map(old.inputDerivations);
  for (const input of inputs) {
    const [first] = (await readDerivation(store, input, { signal })).outputs.keys();
    const known = inputDerivations.get(input);
    const outputs = new Set([...(known?.outputs ?? []), first ?? brandAs<OutputName>('out')]);
    inputDerivations.set(input, { outputs: [...outputs].toSorted(), dynamic: known?.dynamic ?? new Map() });
  }
  const env = new Map(old.env);
  const outputs = new Map(old.outputs);
  for (const [name, { kind }] of old.outputs) {
    if (kind !== 'input-addressed') continue;
    outputs.set(name, { kind: 'deferred' });
    env.set(name, byteStringFromText(''));
  }
  const sorted = new Map([...inputDerivations].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const changed: Derivation = { ...old, inputDerivations: sorted, outputs, env };
  const all = await readInputDerivations(store, changed, { signal });
  return fillOutputPaths(changed, new DerivationHasher(store.storeDir, input => all.get(input)));
}
