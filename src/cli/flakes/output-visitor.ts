import { type Reporter, byteStringFromText } from '../../base/index.ts';
import { EvalError, evalError } from '../../eval/index.ts';
import { type JsonValue, jsonObject } from '../../nix-compat/index.ts';
import { treeBlank, treeConnection, treeLast, treeLine } from '../commands/print-tree.ts';
import { bold, green, magenta, normal } from '../render/ansi.ts';
import type { AttributeCursor } from './attribute-cursor.ts';

export interface ShowOptions {
  readonly system: string;
  readonly showsLegacy: boolean;
  readonly showsAllSystems: boolean;
  /** Whether what is left out is warned of, for JSON has no place for it. */
  readonly isJson: boolean;
  readonly reporter: Reporter;
}

/** Outputs whose attributes are what they have, by how many names lead to those: `packages.SYSTEM.NAME` is below two. */
const containers: ReadonlyMap<string, number> = new Map([
  ['defaultPackage', 1],
  ['devShell', 1],
  ['formatter', 1],
  ['nixosConfigurations', 1],
  ['nixosModules', 1],
  ['defaultApp', 1],
  ['templates', 1],
  ['overlays', 1],
  ['checks', 2],
  ['packages', 2],
  ['devShells', 2],
  ['apps', 2],
]);

/** Those of them that are left out where they have nothing. */
const emptiable: ReadonlyMap<string, number> = new Map([
  ['formatter', 1],
  ['nixosConfigurations', 1],
  ['nixosModules', 1],
  ['overlays', 1],
  ['apps', 2],
  ['checks', 2],
  ['devShells', 2],
  ['legacyPackages', 2],
  ['packages', 2],
]);

const packages: ReadonlySet<string> = new Set([
  ...['defaultPackage', 'devShell', 'formatter'].map(name => `${name} 2`),
  ...['checks', 'packages', 'devShells'].map(name => `${name} 3`),
]);

const others: ReadonlyMap<string, readonly [type: string, description: string]> = new Map([
  ['overlay 1', ['nixpkgs-overlay', 'Nixpkgs overlay']],
  ['overlays 2', ['nixpkgs-overlay', 'Nixpkgs overlay']],
  ['nixosConfigurations 2', ['nixos-configuration', 'NixOS configuration']],
  ['nixosModule 1', ['nixos-module', 'NixOS module']],
  ['nixosModules 2', ['nixos-module', 'NixOS module']],
]);

/** Goes through the outputs of a flake, as deep as their names say that it makes sense. What is shown are lines, or JSON. */
export class OutputVisitor {
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  readonly #options: ShowOptions;

  constructor(options: ShowOptions) {
    this.#options = options;
  }

  /** `header` is the line of what is at the cursor, `prefix` what lines below begin with. Throws what evaluating throws. */
  visit(cursor: AttributeCursor, header: string, prefix = ''): JsonValue {
    const [output = ''] = cursor.path;
    const text = `evaluating '${cursor.shown}'`;
    using _ = this.#options.reporter.startActivity({ type: 'unknown', level: 'info', text });
    try {
      return this.#visit(cursor, header, prefix);
    } catch (error) {
      // Not all of what is there for compatibility can be evaluated.
      if (error instanceof EvalError && output === 'legacyPackages') return new Map();
      throw error;
    }
  }

  #visit(cursor: AttributeCursor, header: string, prefix: string): JsonValue {
    const { path } = cursor;
    const [output = ''] = path;
    const depth = path.length;
    const key = `${output} ${depth}`;
    if (depth === 0 || depth <= (containers.get(output) ?? 0)) return this.#visitAttributes(cursor, header, prefix);
    if (packages.has(key)) {
      if (this.#isOmitted(cursor, header)) return new Map();
      return this.#allowingBuilds(cursor, header, () => {
        if (cursor.isDerivation()) return this.#showDerivation(cursor, header);
        this.warnings.push(`${[...path, 'name'].join('.')} is not a derivation`);
        return new Map();
      });
    }
    if (output === 'hydraJobs') {
      return this.#allowingBuilds(cursor, header, () => {
        const isJob = cursor.isDerivation();
        return isJob ? this.#showDerivation(cursor, header) : this.#visitAttributes(cursor, header, prefix);
      });
    }
    if (output === 'legacyPackages') return this.#visitLegacy(cursor, header, prefix);
    if (key === 'defaultApp 2' || key === 'apps 3') return this.#showApp(cursor, header);
    if (key === 'defaultTemplate 1' || key === 'templates 2') {
      const description = cursor.get('description').text();
      this.lines.push(`${header}: template: ${bold}${description}${normal}`);
      return jsonObject({ type: byteStringFromText('template'), description: byteStringFromText(description) });
    }
    const [type, description] = others.get(key) ?? ['unknown', 'unknown'];
    this.lines.push(`${header}: ${magenta}${description}${normal}`);
    return jsonObject({ type: byteStringFromText(type) });
  }

  #visitAttributes(cursor: AttributeCursor, header: string, prefix: string): JsonValue {
    this.lines.push(header);
    const names = cursor.names().filter(name => hasContent(cursor.get(name)));
    const json = names.map((name, index) => {
      const isLast = index + 1 === names.length;
      const start = `${green}${prefix}${isLast ? treeLast : treeConnection}${normal}${bold}${name}${normal}`;
      const below = prefix + (isLast ? treeBlank : treeLine);
      return [byteStringFromText(name), this.visit(cursor.get(name), start, below)] as const;
    });
    return new Map(json);
  }

  #visitLegacy(cursor: AttributeCursor, header: string, prefix: string): JsonValue {
    const depth = cursor.path.length;
    if (depth === 1) return this.#visitAttributes(cursor, header, prefix);
    if (!this.#options.showsLegacy) {
      this.#omit(cursor, header, "omitted|(use '--legacy' to show)");
      return new Map();
    }
    if (this.#isOmitted(cursor, header)) return new Map();
    return this.#allowingBuilds(cursor, header, () => {
      if (cursor.isDerivation()) return this.#showDerivation(cursor, header);
      return depth <= 2 ? this.#visitAttributes(cursor, header, prefix) : new Map();
    });
  }

  /** Whether it is for another system than those that are shown: that is said then. */
  #isOmitted(cursor: AttributeCursor, header: string): boolean {
    if (this.#options.showsAllSystems || cursor.path[1] === this.#options.system) return false;
    this.#omit(cursor, header, "omitted|(use '--all-systems' to show)");
    return true;
  }

  /** `why` has a bar where what is set off ends. */
  #omit({ shown }: AttributeCursor, header: string, why: string): void {
    const [what = '', rest = ''] = why.split('|');
    const tail = rest === '' ? '' : ` ${rest}`;
    if (this.#options.isJson) this.warnings.push(`${shown} ${what}${tail}`);
    else this.lines.push(`${header} ${magenta}${what}${normal}${tail}`);
  }

  #allowingBuilds(cursor: AttributeCursor, header: string, work: () => JsonValue): JsonValue {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof EvalError && error.code === 'eval/import-refused')) throw error;
      this.#omit(cursor, header, 'omitted due to use of import from derivation');
      return new Map();
    }
  }

  #showDerivation(cursor: AttributeCursor, header: string): JsonValue {
    const [output = ''] = cursor.path;
    const depth = cursor.path.length;
    const name = cursor.get('name').text();
    const isShell = (depth === 2 && output === 'devShell') || (depth >= 2 && output === 'devShells');
    const isJob = (depth === 3 && output === 'checks') || output === 'hydraJobs';
    const what = isShell ? 'development environment' : isJob ? 'derivation' : 'package';
    this.lines.push(`${header}: ${what} '${name}'`);
    const description = this.#options.isJson ? (cursor.find('meta')?.find('description')?.text() ?? '') : '';
    return jsonObject({
      type: byteStringFromText('derivation'),
      name: byteStringFromText(name),
      description: byteStringFromText(description),
    });
  }

  #showApp(cursor: AttributeCursor, header: string): JsonValue {
    const type = cursor.find('type');
    const description = cursor.find('meta')?.find('description')?.text();
    if (type === undefined || type.text() !== 'app') throw evalError`not an app definition`;
    this.lines.push(`${header}: app: ${bold}${description ?? 'no description'}${normal}`);
    return jsonObject({
      type: byteStringFromText('app'),
      description: description === undefined ? undefined : byteStringFromText(description),
    });
  }
}

/** Whether there is something in what only holds other things. What cannot be evaluated may have. */
function hasContent(cursor: AttributeCursor): boolean {
  const { path } = cursor;
  try {
    if (path.length > (emptiable.get(path[0] ?? '') ?? 0)) return true;
    return cursor.names().some(name => hasContent(cursor.get(name)));
  } catch (error) {
    if (error instanceof EvalError) return true;
    throw error;
  }
}
