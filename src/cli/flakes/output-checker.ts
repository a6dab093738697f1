import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { withTraceAsync } from '../../engine/index.ts';
import {
  type Evaluator,
  type Word,
  addressOf,
  coerceToPath,
  derivationPathOf,
  evalError,
  forcePlainString,
  forceSet,
  forceString,
  isDerivation,
  kindOf,
  select,
  soleArgumentName,
} from '../../eval/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';

/** A value that is to be checked, and where it was written. */
export interface CheckedValue {
  readonly name: string;
  readonly word: Word;
  readonly position: number;
}

export interface OutputCheckerOptions {
  /** Outputs for others are left out; undefined where none are. */
  readonly system: string | undefined;
  /** Told of what is wrong, where checking goes on; throws where it does not. */
  readonly report: (error: unknown) => void;
}

/** Checks that outputs of flakes are what their names promise. Errors say what was being checked, and go to `report`. */
export class OutputChecker {
  /** Systems whose outputs were left out, in order. */
  readonly omitted = new Set<string>();
  readonly #context: CommandContext;
  readonly #evaluation: Evaluation;
  readonly #options: OutputCheckerOptions;

  constructor(context: CommandContext, evaluation: Evaluation, options: OutputCheckerOptions) {
    this.#context = context;
    this.#evaluation = evaluation;
    this.#options = options;
  }

  get #evaluator(): Evaluator {
    return this.#evaluation.evaluator;
  }

  /** Attributes of a set, in the order in which their names were met. Throws what evaluating throws. */
  attributes({ word }: Pick<CheckedValue, 'word'>): Promise<CheckedValue[]> {
    const { core } = this.#evaluator;
    return this.#evaluation.perform(() => {
      const set = this.#evaluator.run(() => forceSet(this.#evaluator, word, ''));
      return core.attributes(set).map(({ symbol, word: value, position }) => {
        return { name: displayBytes(core.nameOf(symbol)), word: value, position };
      });
    });
  }

  /** Does `work`; what goes wrong is reported with `doing`. */
  async step<T>(doing: string, position: number, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await withTraceAsync({ text: doing, position: this.#evaluator.positions.resolve(position) }, work);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      this.#options.report(error);
      return undefined;
    }
  }

  /** As `step`, of something that is shown to be checked. */
  #check<T>(what: string, { name, position }: CheckedValue, work: () => Promise<T>): Promise<T | undefined> {
    const shown = what === 'derivation' ? name : `'${name}'`;
    using _ = this.#context.log.startActivity({ type: 'unknown', level: 'info', text: `checking ${what} ${shown}` });
    const called = { app: 'app definition', 'Hydra job': 'Hydra jobset', bundler: 'template' }[what] ?? what;
    return this.step(`while checking the ${called} '${name}'`, position, work);
  }

  /** The attributes of a set by systems, for those that count. */
  async bySystem(output: CheckedValue): Promise<CheckedValue[]> {
    const { system } = this.#options;
    const wanted: CheckedValue[] = [];
    for (const attribute of await this.attributes(output)) {
      const { name, position } = attribute;
      if (!name.includes('-')) {
        const place = this.#evaluator.positions.format(position);
        this.#options.report(evalError`'${name}' is not a valid system type, at ${place}`);
      }
      if (system === undefined || name === system) wanted.push(within(output, attribute));
      else this.omitted.add(name);
    }
    return wanted;
  }

  /** Its store path, if it is one. */
  derivation(value: CheckedValue): Promise<StorePath | undefined> {
    const evaluator = this.#evaluator;
    return this.#check('derivation', value, async () => {
      const path = await this.#evaluation.perform(() => {
        const forced = evaluator.force(value.word, value.position);
        const isPackage =
          kindOf(evaluator.core.memory, forced) === 'set' &&
          evaluator.run(() => isDerivation(evaluator, addressOf(forced)));
        if (!isPackage) throw evalError`flake attribute '${value.name}' is not a derivation`;
        return derivationPathOf(evaluator, { attributePath: value.name, attrs: addressOf(forced) });
      });
      const printed = displayBytes(printStorePath(evaluator.io.storeDir, path));
      this.#context.log.log('info', `derivation evaluated to ${printed}`);
      return path;
    });
  }

  app(value: CheckedValue): Promise<void> {
    const evaluator = this.#evaluator;
    const { name } = value;
    return this.#check('app', value, async () => {
      const attributes = new Map((await this.attributes(value)).map(each => [each.name, each]));
      const need = (attribute: string) => {
        const found = attributes.get(attribute);
        if (found === undefined) throw evalError`app '${name}' lacks attribute '${attribute}'`;
        return found;
      };
      const [type, program] = [need('type'), need('program')];
      const meta = attributes.get('meta');
      await this.#evaluation.perform(() => {
        evaluator.run(() => forcePlainString(evaluator, type.word, '', type.position));
        evaluator.run(() => forceString(evaluator, program.word, '', program.position));
      });
      const described = meta === undefined ? [] : await this.attributes(meta);
      const description = described.find(each => each.name === 'description');
      if (description === undefined) {
        const lacking = meta === undefined ? 'meta' : 'meta.description';
        this.#context.log.warn(`app '${name}' lacks attribute '${lacking}'`);
      } else await this.#forceText(description);
      refuseOthers(attributes.keys(), ['type', 'program', 'meta'], other => {
        return evalError`app '${name}' has unsupported attribute '${other}'`;
      });
    }).then(() => undefined);
  }

  async #forceText({ word, position }: CheckedValue): Promise<void> {
    const evaluator = this.#evaluator;
    await this.#evaluation.perform(() => evaluator.run(() => forcePlainString(evaluator, word, '', position)));
  }

  async overlay(value: CheckedValue): Promise<void> {
    await this.#check('overlay', value, async () => {
      const forced = await this.force(value);
      if (kindOf(this.#evaluator.core.memory, forced) !== 'lambda') {
        throw evalError`overlay is not a function, but ${this.#evaluator.errors.describe(forced)} instead`;
      }
      const argument = soleArgumentName(this.#evaluator, forced);
      if (argument !== undefined && ['final', '_', '_final'].includes(argument)) return;
      throw evalError`overlay does not take an argument named 'final'`;
    });
  }

  /** The value, evaluated. */
  force({ word, position }: CheckedValue): Promise<Word> {
    return this.#evaluation.perform(() => this.#evaluator.force(word, position));
  }

  async module(value: CheckedValue): Promise<void> {
    await this.#check('NixOS module', value, () => this.force(value));
  }

  async hydraJobs(value: CheckedValue): Promise<void> {
    await this.#check('Hydra job', value, async () => {
      const jobs = await this.attributes(value);
      if (await this.#isDerivation(value)) throw evalError`jobset should not be a derivation at top-level`;
      for (const job of jobs) {
        const named = within(value, job);
        await this.attributes(named);
        if (await this.#isDerivation(named)) await this.derivation(named);
        else await this.hydraJobs(named);
      }
    });
  }

  /** Of a value that is a set. */
  async #isDerivation({ word }: CheckedValue): Promise<boolean> {
    const evaluator = this.#evaluator;
    return this.#evaluation.perform(() => {
      const forced = evaluator.force(word);
      const isSet = kindOf(evaluator.core.memory, forced) === 'set';
      return isSet && evaluator.run(() => isDerivation(evaluator, addressOf(forced)));
    });
  }

  async nixosConfiguration(value: CheckedValue): Promise<void> {
    const path = byteStringFromText('config.system.build.toplevel');
    await this.#check('NixOS configuration', value, async () => {
      const word = await this.#evaluation.perform(() => select(this.#evaluator, path, new Map(), value.word));
      if (await this.#isDerivation({ ...value, word })) return;
      throw evalError`attribute 'config.system.build.toplevel' is not a derivation`;
    });
  }

  async template(value: CheckedValue): Promise<void> {
    const evaluator = this.#evaluator;
    const { name } = value;
    await this.#check('template', value, async () => {
      const attributes = new Map((await this.attributes(value)).map(each => [each.name, each]));
      const path = attributes.get('path');
      if (path === undefined) throw evalError`template '${name}' lacks attribute '${'path'}'`;
      await this.#evaluation.perform(() => {
        const found = evaluator.run(() => coerceToPath(evaluator, path.word, '', path.position)).path;
        if (evaluator.io.stat(evaluator.files.resolve(found)) !== undefined) return;
        throw evalError`template '${name}' refers to a non-existent path '${displayBytes(found)}'`;
      });
      const description = attributes.get('description');
      if (description === undefined) throw evalError`template '${name}' lacks attribute '${'description'}'`;
      await this.#forceText(description);
      refuseOthers(attributes.keys(), ['path', 'description', 'welcomeText'], other => {
        return evalError`template '${name}' has unsupported attribute '${other}'`;
      });
    });
  }

  async bundler(value: CheckedValue): Promise<void> {
    await this.#check('bundler', value, async () => {
      const forced = await this.force(value);
      if (kindOf(this.#evaluator.core.memory, forced) !== 'lambda') throw evalError`bundler must be a function`;
    });
  }
}

/** An attribute of a value, by its whole name. */
export function within(outer: CheckedValue, inner: CheckedValue): CheckedValue {
  return { ...inner, name: `${outer.name}.${inner.name}` };
}

function refuseOthers(names: Iterable<string>, known: readonly string[], error: (other: string) => Error): void {
  for (const name of names) if (!known.includes(name)) throw error(name);
}
