/** Assembles classic BPF as seccomp(2) takes it: `struct sock_filter`, eight bytes each, in this machine's byte order. */

/** A place that jumps lead to; they lead forwards only. */
export type Label = string;

type Instruction =
  | { readonly kind: 'plain'; readonly code: number; readonly operand: number }
  | { readonly kind: 'jump'; readonly code: number; readonly operand: number; readonly target: Label };

const codes = { loadWord: 0x20, and: 0x54, jump: 0x05, jumpIfEqual: 0x15, jumpIfAnySet: 0x45, answer: 0x06 } as const;

export class BpfProgram {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<Label, number>();

  /** Loads the word at byte `offset` of `struct seccomp_data`. */
  load(offset: number): this {
    return this.#plain(codes.loadWord, offset);
  }

  /** Of what is loaded, keeps the bits of `mask`. */
  and(mask: number): this {
    return this.#plain(codes.and, mask);
  }

  jumpIfEqual(value: number, target: Label): this {
    this.#instructions.push({ kind: 'jump', code: codes.jumpIfEqual, operand: value, target });
    return this;
  }

  jumpIfAnySet(mask: number, target: Label): this {
    this.#instructions.push({ kind: 'jump', code: codes.jumpIfAnySet, operand: mask, target });
    return this;
  }

  jump(target: Label): this {
    this.#instructions.push({ kind: 'jump', code: codes.jump, operand: 0, target });
    return this;
  }

  answer(action: number): this {
    return this.#plain(codes.answer, action);
  }

  label(label: Label): this {
    this.#labels.set(label, this.#instructions.length);
    return this;
  }

  assemble(): Buffer {
    const bytes = Buffer.alloc(this.#instructions.length * 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (const [at, instruction] of this.#instructions.entries()) {
      const { code, operand } = instruction;
      view.setUint16(at * 8, code, true);
      if (instruction.kind === 'jump') {
        const distance = this.#distance(at, instruction.target);
        // Conditional jumps have eight bits, and fall through when the condition does not hold.
        if (code === codes.jump) view.setUint32(at * 8 + 4, distance, true);
        else view.setUint8(at * 8 + 2, distance);
      }
      if (code !== codes.jump) view.setUint32(at * 8 + 4, operand, true);
    }
    return bytes;
  }

  #distance(at: number, label: Label): number {
    const target = this.#labels.get(label);
    if (target === undefined || target <= at) throw new RangeError(`no label '${label}' after instruction ${at}`);
    const distance = target - at - 1;
    if (distance > 255) throw new RangeError(`'${label}' is too far from instruction ${at}`);
    return distance;
  }

  #plain(code: number, operand: number): this {
    this.#instructions.push({ kind: 'plain', code, operand });
    return this;
  }
}
