import { toHex, unreachable } from '../../base/index.ts';
import { attributesToJson, EvalError, type EvalMessage, type EvalNeed, type NeedAnswer } from '../../eval/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Flake } from '../flakes/flake.ts';
import { type EvaluationPart, type EvaluationRecord, failureOf } from './evaluation-record.ts';
import { InputRecorder, sha256 } from './input-recorder.ts';

/** What is going to be the record of an evaluation that goes on. */
export class EvaluationRecording {
  readonly inputs = new InputRecorder();
  readonly #needs: (readonly [EvalNeed, string])[] = [];
  readonly #wanted = new Set<StorePath>();
  readonly #messages: EvalMessage[] = [];
  readonly #configs: Flake['config'][] = [];
  /** Of threads. */
  readonly #parts: EvaluationPart[] = [];

  said(message: EvalMessage): void {
    this.#messages.push(message);
  }

  wanted(path: StorePath): void {
    this.#wanted.add(path);
  }

  /** Settings of a flake have come into force. */
  configured(config: Flake['config']): void {
    if (config.size > 0) this.#configs.push(config);
  }

  answered(need: EvalNeed, answer: NeedAnswer): void {
    // What a flake comes of is recorded where it is fetched and locked.
    if (answer.kind === 'flake') return;
    const gist = gistOf(answer);
    // Downloads are in another place each time.
    if (gist === undefined || need.kind === 'download') this.inputs.lose();
    else this.#needs.push([{ ...need, position: undefined }, gist]);
  }

  /** What was recorded here of all that is recorded elsewhere, too; undefined where something of it is not known. */
  toPart(): EvaluationPart | undefined {
    if (!this.inputs.isWhole) return undefined;
    return { inputs: [this.inputs.finish()], needs: this.#needs, wanted: [...this.#wanted] };
  }

  /** What somebody else has recorded is a part of this. */
  absorb(part: EvaluationPart | undefined): void {
    if (part === undefined) this.inputs.lose();
    else this.#parts.push(part);
  }

  /** The record of an answer to a question; undefined where the same inputs may have another outcome. */
  finish(
    question: string,
    outcome: { readonly value: unknown } | { readonly error: unknown },
  ): EvaluationRecord | undefined {
    const own = this.toPart();
    if (own === undefined) return undefined;
    const parts = [own, ...this.#parts];
    const common = {
      question,
      inputs: parts.flatMap(({ inputs }) => inputs),
      needs: parts.flatMap(({ needs }) => needs),
      wanted: [...new Set(parts.flatMap(({ wanted }) => wanted))],
      configs: this.#configs,
      messages: this.#messages,
    };
    if ('value' in outcome) return { ...common, outcome: { kind: 'value', value: outcome.value } };
    return outcome.error instanceof EvalError ? { ...common, outcome: failureOf(outcome.error) } : undefined;
  }
}

/** What of an answer an evaluation may depend on, in one line; undefined where it may be another the next time. */
export function gistOf(answer: NeedAnswer): string | undefined {
  switch (answer.kind) {
    case 'object':
      return [answer.path, ...answer.references, '', ...(answer.closure ?? [])].join(' ');
    case 'closure':
      return [answer.path, answer.isContentAddressed, ...(answer.members ?? [])].join(' ');
    // What a derivation says follows from its path.
    case 'derivation':
    case 'absent':
      return answer.kind;
    case 'tree': {
      const { attributes, path, entries } = answer.tree;
      const names = [...(entries ?? [])].toSorted().join('\0');
      const taken = entries === undefined ? '' : toHex(sha256(Buffer.from(names, 'latin1')));
      return [attributesToJson(attributes), path, taken].join(' ');
    }
    case 'flake':
    case 'failed':
      return undefined;
    default:
      return unreachable(answer);
  }
}
