import { evalError } from '../../eval/index.ts';

/** The way to an input: that of the flake, that of this input, ... Empty for the flake itself. */
export type InputPath = readonly string[];

const inputName = /^[a-zA-Z][a-zA-Z0-9_-]*$/;

/** `a/b`. Throws `eval/error`. */
export function parseInputPath(text: string): InputPath {
  const path = text.split('/').filter(part => part !== '');
  for (const part of path) {
    if (!inputName.test(part)) throw evalError`invalid flake input attribute path element '${part}'`;
  }
  return path;
}

/** As messages show it; names have no slashes, so it may stand for the path. */
export function formatInputPath(path: InputPath): string {
  return path.join('/');
}

/** In the order of their names, from the first on. */
export function compareInputPaths(a: InputPath, b: InputPath): number {
  for (const [index, name] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (name !== other) return name < other ? -1 : 1;
  }
  return a.length - b.length;
}
