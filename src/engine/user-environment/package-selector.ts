import { type ByteString, brandAs } from '../../base/index.ts';
import { matchesWhole } from '../../eval/index.ts';
import { type PackageName, parsePackageName } from '../../nix-compat/index.ts';

/** What a user says of packages: an expression for their name, and perhaps their version (`hello`, `gcc.*-12.2`, `*`). */
export class PackageSelector {
  readonly text: ByteString;
  readonly name: string;
  readonly #version: string;

  constructor(text: ByteString) {
    this.text = text;
    const { name, version } = parsePackageName(text);
    this.name = name;
    this.#version = version;
  }

  /** Whether it stands for all packages, of which there may be none. */
  get isWild(): boolean {
    return this.text === '*';
  }

  /** Throws `eval/error` where its name is no expression. */
  matches({ name, version }: PackageName): boolean {
    const fits = this.name === '*' || matchesWhole(brandAs<ByteString>(this.name), brandAs<ByteString>(name));
    return fits && (this.#version === '' || this.#version === version);
  }
}
