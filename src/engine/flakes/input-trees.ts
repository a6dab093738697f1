import {
  type Evaluator,
  type FetchedTree,
  type FlakeRef,
  type Input,
  type InputAttributes,
  type ShownTree,
  attributesToJson,
  evalError,
  inputToUrl,
  isDirectInput,
  narHashMismatch,
  shownTreeOf,
  textAttribute,
} from '../../eval/index.ts';
import {
  type StorePath,
  equalHashes,
  formatHash,
  makeFixedOutputPath,
  parseHash,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { Registries, RegistryUse } from './registries.ts';
import { withTraceAsync } from '../evaluation/with-trace.ts';

/** How inputs of flakes are had. */
export interface InputSources {
  readonly evaluator: Evaluator;
  readonly registries: Registries;
  /** Gets the tree of an input; throws what keeps it from that. */
  readonly fetchTree: (input: InputAttributes, url: string) => Promise<FetchedTree>;
  /** Whether the store has an object, or can get it without its source. */
  readonly ensureInStore: (path: StorePath) => Promise<boolean>;
  /** Has trees that the evaluation has seen be in the store, where it writes that: they may change, by our own hand. */
  readonly settle: () => Promise<void>;
}

/** An input where it is in the store. */
export interface MountedInput {
  /** What registries made of the reference. */
  readonly resolved: FlakeRef;
  /** With all that is known of it, the hash of its contents among it. */
  readonly locked: FlakeRef;
  readonly path: StorePath;
  /** Where its files are on this machine, if they are read from there. */
  readonly source: FetchedTree | undefined;
}

/** Trees of inputs; each is fetched once, as long as it is not forgotten. */
export class InputTrees {
  readonly #sources: InputSources;
  readonly #mounted = new Map<string, Promise<MountedInput>>();

  constructor(sources: InputSources) {
    this.#sources = sources;
  }

  /** Has all be fetched anew. */
  forget(): void {
    this.#mounted.clear();
  }

  /**
   * Fetches what a reference means, so that the evaluation sees it in the store. Throws `eval/error`, and what fetching
   * throws.
   */
  mount(reference: FlakeRef, use: RegistryUse): Promise<MountedInput> {
    const key = keyOf(reference);
    const known = this.#mounted.get(key);
    if (known !== undefined) return known;
    const mounted = this.#mount(reference, use);
    this.#mounted.set(key, mounted);
    // Another try may come further.
    mounted.catch(() => this.#mounted.delete(key));
    return mounted;
  }

  async #mount(reference: FlakeRef, use: RegistryUse): Promise<MountedInput> {
    if (isDirectInput(reference.input)) return this.#mountDirect(reference);
    if (use === 'none') {
      throw evalError`'${inputToUrl(reference.input)}' is an indirect flake reference, but registry lookups are not allowed`;
    }
    return this.#mountDirect(await this.#sources.registries.resolve(reference, use));
  }

  async #mountDirect(resolved: FlakeRef): Promise<MountedInput> {
    const { input, folder } = resolved;
    const { evaluator, fetchTree } = this.#sources;
    if (input.scheme === undefined) {
      throw evalError`cannot fetch unsupported input '${attributesToJson(input.attributes)}'`;
    }
    const { storeDir } = evaluator.io;
    const expected = textAttribute(input.attributes, 'narHash');
    const isFinal = input.attributes.get('__final') === true;
    const name = textAttribute(input.attributes, 'name') ?? 'source';
    if (isFinal && expected !== undefined) {
      const hash = parseHash(expected, 'sha256');
      const path = makeFixedOutputPath(storeDir, name, { method: 'nar', hash });
      if (await this.#sources.ensureInStore(path)) {
        evaluator.access?.allow(printStorePath(storeDir, path));
        evaluator.showTree(printStorePath(storeDir, path), shownInputOf(input));
        return { resolved, locked: resolved, path, source: undefined };
      }
    }
    const url = inputToUrl(input);
    const source = await withTraceAsync({ text: `while fetching the input '${url}'` }, () => {
      return fetchTree(input.attributes, url);
    });
    const { path, narHash } = evaluator.io.addTree(source, name);
    evaluator.showTree(printStorePath(storeDir, path), shownTreeOf(source));
    evaluator.access?.allow(printStorePath(storeDir, path));
    await this.#sources.settle();
    const found = formatHash(narHash, 'sri');
    if (expected !== undefined && !equalHashes(parseHash(expected, 'sha256'), narHash)) {
      throw narHashMismatch(url, { expected, got: found });
    }
    const known = isFinal ? input.attributes : new Map(source.attributes).set('narHash', found).set('__final', true);
    return { resolved, locked: { input: lockedInput(input, known), folder }, path, source };
  }
}

function keyOf({ input, folder }: FlakeRef): string {
  return `${attributesToJson(input.attributes)} ${folder}`;
}

function lockedInput({ scheme }: Input, attributes: InputAttributes): Input {
  return { scheme, attributes: new Map([...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}

/** What messages call an input that is in the store already. */
function shownInputOf(input: Input): ShownTree {
  return { kind: 'source', name: `«${inputToUrl(input)}»` };
}

/** What messages call the files of a tree; undefined for their place in the store. */
export function shownFolder({ locked, source }: MountedInput): string | undefined {
  const shown = source === undefined ? shownInputOf(locked.input) : shownTreeOf(source);
  return shown?.kind === 'work-tree' ? shown.folder : shown?.name;
}
