import { canonicalPath } from '../canonical-path.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';

/** Where an assignment was made. */
export interface ConfigOrigin {
  /** A file's path, or a name such as `NIX_CONFIG` or `command line`. */
  readonly source: string;
  /** Counted from 1; undefined where there are no lines. */
  readonly line?: number;
}

export interface ConfigAssignment {
  /** As written: possibly an alias, with `extra-` in front, or unknown. */
  readonly name: string;
  /** Words separated by single spaces; possibly empty. */
  readonly value: string;
  readonly origin: ConfigOrigin;
}

/**
 * The text of an included file, by absolute path, or undefined where there is no such file. A file that exists but
 * cannot be read counts as empty in C++ Nix.
 */
export type ReadConfigFile = (path: string) => string | undefined;

/** In characters, of one file. */
export const maxConfigSize = 16 * 1024 * 1024;
/** Of files that include each other. */
const maxIncludeDepth = 64;
/** In one call. */
const maxIncludes = 10_000;

/**
 * Parses the text of a `nix.conf`, and of the files it includes at the places where it does: one assignment or
 * inclusion a line, `#` starts a comment. `source` is what messages call it, and if it is a path, relative inclusions
 * start from its directory. Throws `config/syntax`, `config/too-large`, `config/include-not-found`,
 * `config/include-cycle` or `path/not-absolute`.
 */
export function parseNixConf(text: string, source: string, readFile: ReadConfigFile): ConfigAssignment[] {
  const parser = new NixConfParser(readFile);
  parser.parse(text, source);
  return parser.assignments;
}

class NixConfParser {
  readonly assignments: ConfigAssignment[] = [];
  readonly #readFile: ReadConfigFile;
  /** The files being parsed, outermost first. */
  readonly #open: string[] = [];
  #includes = 0;

  constructor(readFile: ReadConfigFile) {
    this.#readFile = readFile;
  }

  /** Recursion ends at `maxIncludeDepth`. */
  parse(text: string, source: string): void {
    if (text.length > maxConfigSize) {
      const message = `configuration file "${source}" is longer than ${maxConfigSize} characters`;
      throw new NixCompatError('config/too-large', message, { offset: maxConfigSize });
    }
    this.#open.push(source);
    let offset = 0;
    let line = 0;
    for (const whole of text.split('\n')) {
      line++;
      const comment = whole.indexOf('#');
      const statement = comment < 0 ? whole : whole.slice(0, comment);
      const [first, second, ...rest] = splitWords(statement);
      const refuse = () => syntaxError(statement, source, offset);
      if (first === 'include' || first === '!include') {
        if (second === undefined || rest.length > 0) throw refuse();
        this.#include(second, source, first === '!include');
      } else if (first !== undefined) {
        if (second !== '=') throw refuse();
        this.assignments.push({ name: first, value: rest.join(' '), origin: { source, line } });
      }
      offset += whole.length + 1;
    }
    this.#open.pop();
  }

  #include(name: string, source: string, mayBeMissing: boolean): void {
    const path = canonicalPath(name.startsWith('/') ? name : `${source.slice(0, source.lastIndexOf('/') + 1)}${name}`);
    if (this.#open.includes(path) || this.#open.length >= maxIncludeDepth || ++this.#includes > maxIncludes) {
      const message = `file "${path}" included from "${source}" includes itself, or inclusions are too deep or too many`;
      throw new NixCompatError('config/include-cycle', message);
    }
    const text = this.#readFile(path);
    if (text !== undefined) this.parse(text, path);
    else if (!mayBeMissing) {
      const message = `file "${path}" included from "${source}" not found`;
      throw new NixCompatError('config/include-not-found', message);
    }
  }
}

function syntaxError(statement: string, source: string, offset: number): NixCompatError {
  const message = `syntax error in configuration line '${excerpt(statement)}' in "${source}"`;
  return new NixCompatError('config/syntax', message, { offset });
}

/** At the white space that separates words in configuration: blank, tab, carriage return, newline. */
export function splitWords(text: string): string[] {
  return text.split(/[ \t\r\n]+/).filter(word => word !== '');
}
