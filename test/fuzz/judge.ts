import { FirnError, messageOf } from '../../src/base/index.ts';
import { CastoreError, castoreErrorCodes } from '../../src/castore/index.ts';
import { NixCompatError, nixCompatErrorCodes } from '../../src/nix-compat/index.ts';
import { Random } from './random.ts';
import { shapeOf } from './shape.ts';
import { type Target, Violation } from './target.ts';

/** In characters: several excerpts of the input at most. */
const maxMessage = 4000;
/** Of errors that are causes of errors. */
const maxCauses = 8;

export type Problem =
  | 'foreign exception'
  | 'unknown code'
  | 'no offset'
  | 'bad offset'
  | 'bad message'
  | 'property'
  | 'slow'
  | 'memory'
  | 'hang'
  | 'crash';

export interface Finding {
  readonly problem: Problem;
  /** What makes it another finding than others of its kind. */
  readonly key: string;
  readonly why: string;
}

export type Verdict =
  /** As it should be: accepted, or refused with `code`. */
  { readonly finding: undefined; readonly outcome: string; readonly behaviour: string } | { readonly finding: Finding };

/** Runs one case and says whether what happens is allowed. */
export async function judge(target: Target, input: Uint8Array): Promise<Verdict> {
  try {
    const value = await target.run(input, new Random(input));
    return { finding: undefined, outcome: 'accepted', behaviour: `ok ${shapeOf(value)}` };
  } catch (error) {
    const finding = complainAbout(error, target, input);
    if (finding !== undefined) return { finding };
    const { code, offset, message } = error as NixCompatError;
    // Its first words, as far as they are ours and not the input's.
    const [start = ''] = message.split(/['"0-9:(]/, 1);
    const kind = start
      .split(' ', 5)
      .filter(word => /^[A-Za-z]{1,14}$/.test(word))
      .join(' ');
    const place = offset === undefined ? '-' : Math.round(2 * Math.log2(offset + 1));
    return { finding: undefined, outcome: code, behaviour: `${code} ${place} ${kind}` };
  }
}

function complainAbout(error: unknown, target: Target, input: Uint8Array): Finding | undefined {
  if (error instanceof Violation) return problemOf('property', error.message, error.message);
  if (!(error instanceof FirnError)) {
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const place = /src\/[^\s:)]+:[0-9]+/.exec(shown)?.[0] ?? '';
    return problemOf('foreign exception', `${error instanceof Error ? error.name : ''} ${place}`, shown.slice(0, 1500));
  }
  if (!hasKnownCode(error)) return problemOf('unknown code', messageOf(error), messageOf(error));
  const { code, message, offset } = error;
  if (offset === undefined) {
    if (target.givesOffset?.(code) === true) return problemOf('no offset', code, `${code}: ${message}`.slice(0, 500));
  } else if (!Number.isInteger(offset) || offset < 0 || offset > input.length) {
    return problemOf('bad offset', code, `${code} at ${offset} of ${input.length}: ${message}`.slice(0, 500));
  }
  if (message === '' || message.length > maxMessage || showsNothing(message, input))
    return problemOf('bad message', code, `${code}: ${message.length} characters: ${message}`.slice(0, 500));
  let causes = 0;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) causes++;
  return causes > maxCauses ? problemOf('bad message', `causes ${code}`, `${code} has ${causes} causes`) : undefined;
}

function hasKnownCode(error: unknown): error is NixCompatError | CastoreError {
  return (
    (error instanceof NixCompatError && Object.hasOwn(nixCompatErrorCodes, error.code)) ||
    (error instanceof CastoreError && Object.hasOwn(castoreErrorCodes, error.code))
  );
}

/** Whether it has words that JavaScript made, and not the input. */
function showsNothing(message: string, input: Uint8Array): boolean {
  const odd = /undefined|\[object|NaN/.exec(message);
  return odd !== null && !Buffer.from(input).includes(odd[0]);
}

function problemOf(problem: Problem, key: string, why: string): Finding {
  return { problem, key: `${problem}: ${key}`, why };
}
