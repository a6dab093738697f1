import { type ByteString, type SourcePosition, asBuffer } from '../base/index.ts';
import { NixSyntaxError } from './error.ts';
import { Refusal, describeRefusal } from './refusal.ts';
import {
  type Remark,
  type RemarkKind,
  describeCursedOr,
  describeLiteral,
  lintSettings,
  remarkKinds,
} from './remark.ts';
import { SourceLines } from './source-lines.ts';
import { type SyntaxCore, positionBase } from './syntax-core.ts';

export interface Source {
  readonly text: Uint8Array;
  /** Its path, or what messages call it: `«stdin»`. */
  readonly file: string;
  /** The folder that relative paths in it start from: absolute. */
  readonly basePath: ByteString;
}

/** What is done about forms of literals that are legal but discouraged. */
export type Diagnose = 'ignore' | 'warn' | 'fatal';

export interface SourceSettings {
  /** The user's home; undefined where paths in it are refused. Asked for only where a text may have such a path. */
  readonly homePath: () => ByteString | undefined;
  readonly allowsPipes: boolean;
  readonly diagnose: Readonly<Record<(typeof lintSettings)[keyof typeof lintSettings], Diagnose>>;
  /** Warnings about `or` have their place in the message. */
  readonly warn: (message: string, position?: SourcePosition) => void;
  /** Sets off what messages mention: in colour, if at all. */
  readonly mark: (text: string) => string;
  /** Sets off names of settings. */
  readonly emphasise: (text: string) => string;
}

/** The tree of a source: an address in the core that parsed it. */
export interface ParsedSource {
  readonly tree: number;
}

/** Parses sources in one core, with C++ Nix's messages. */
export class SourceParser {
  readonly #core: SyntaxCore;
  readonly #environment: number;
  readonly #settings: SourceSettings;

  /** `names` are those that every expression knows. */
  constructor(core: SyntaxCore, names: Iterable<string>, settings: SourceSettings) {
    this.#core = core;
    this.#environment = core.newEnvironment(names);
    this.#settings = settings;
  }

  /** Throws a NixSyntaxError. */
  parse(source: Source): ParsedSource {
    const { homePath, allowsPipes } = this.#settings;
    // Found when first needed, once: there may be many remarks.
    let lines: SourceLines | undefined;
    const onRemark = (remark: Remark) => this.#remark((lines ??= new SourceLines(source.text)), source.file, remark);
    const lints = remarkKinds.filter(kind => this.#diagnose(kind) !== 'ignore');
    try {
      const tree = this.#core.parse(source.text, {
        basePath: source.basePath,
        homePath: asBuffer(source.text).includes('~/') ? homePath() : undefined,
        allowsPipes,
        lints,
        onRemark,
      });
      this.#core.bind(tree, this.#environment);
      return { tree };
    } catch (error) {
      throw error instanceof Refusal ? this.#errorOf(source, error) : error;
    }
  }

  #errorOf(source: Source, refusal: Refusal): NixSyntaxError {
    const lines = new SourceLines(source.text);
    const locate = (offset: number) => ({ offset, in: lines.locate(offset, source.file) });
    if (refusal.code === 'syntax/unexpected-token') {
      const fault = this.#core.explain(source.text, this.#settings);
      const offset = fault?.offset ?? refusal.position - positionBase;
      return new NixSyntaxError(refusal.code, fault?.message ?? 'syntax error', locate(offset));
    }
    const place = (position: number) => {
      const { file, line, column } = lines.locate(position - positionBase, source.file);
      return `${file}:${line}:${column}`;
    };
    const message = describeRefusal(refusal, { mark: this.#settings.mark, place });
    if (refusal.position === 0) return new NixSyntaxError(refusal.code, message);
    return new NixSyntaxError(refusal.code, message, locate(refusal.position - positionBase));
  }

  #diagnose(kind: RemarkKind): Diagnose {
    return kind === 'cursed-or' ? 'warn' : this.#settings.diagnose[lintSettings[kind]];
  }

  #remark(lines: SourceLines, file: string, { kind, start, end }: Remark): void {
    const { mark, emphasise, warn } = this.#settings;
    const text = lines.slice(start - positionBase, end - positionBase);
    const offset = start - positionBase;
    const position = lines.locate(offset, file);
    if (kind === 'cursed-or') {
      warn(describeCursedOr(`${position.file}:${position.line}:${position.column}`, text));
      return;
    }
    const isFatal = this.#diagnose(kind) === 'fatal';
    const message = `${describeLiteral(kind, text, isFatal, mark)} (${emphasise(lintSettings[kind])})`;
    if (isFatal) throw new NixSyntaxError('syntax/discouraged', message, { offset, in: position });
    warn(message, position);
  }
}
