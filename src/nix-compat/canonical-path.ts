import { NixCompatError } from './error.ts';
import { excerpt } from './excerpt.ts';

/**
 * An absolute path without empty and `.` components, and without `..` and the component before each; no trailing slash.
 * Looks at names only: symlinks are not followed. Throws `path/not-absolute`.
 */
export function canonicalPath(path: string): string {
  if (!path.startsWith('/')) {
    throw new NixCompatError('path/not-absolute', `not an absolute path: "${excerpt(path)}"`);
  }
  const kept: string[] = [];
  for (const component of path.split('/')) {
    if (component === '..') kept.pop();
    else if (component !== '' && component !== '.') kept.push(component);
  }
  return `/${kept.join('/')}`;
}
