import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';

type Variables = Readonly<Record<string, string | undefined>>;

export interface NpmConfigPlaces {
  readonly variables: Variables;
  readonly home: string;
  readonly workingFolder: string;
}

/**
 * What npm is configured with, by npm's own rules of what wins: the environment, then the `.npmrc` of the project, of the
 * user, of the installation, and what npm's package brings. Values may be secrets: they are never for messages.
 */
export function readNpmConfig(places: NpmConfigPlaces): ReadonlyMap<string, string> {
  const { variables, home, workingFolder } = places;
  const environment = variablesOf(variables);
  const project = readIni(join(projectFolder(workingFolder), '.npmrc'), variables);
  const named = resolvePath(environment.get('userconfig') ?? project.get('userconfig'), places);
  const user = readIni(named ?? join(home, '.npmrc'), variables);
  const npm = findProgram('npm', variables);
  // npm is PACKAGE/bin/npm-cli.js, and its package has a configuration where a distribution made it.
  const builtin =
    npm === undefined
      ? new Map<string, string>()
      : readIni(join(dirname(dirname(realpathSync(npm))), 'npmrc'), variables);
  const stronger = [builtin, user, project, environment];
  const find = (key: string) => stronger.findLast(some => some.has(key))?.get(key);
  const prefix = resolvePath(find('prefix'), places) ?? variables['PREFIX'] ?? installationPrefix(variables);
  const globalFile =
    resolvePath(find('globalconfig'), places) ?? (prefix === undefined ? undefined : join(prefix, 'etc', 'npmrc'));
  const global = globalFile === undefined ? new Map<string, string>() : readIni(globalFile, variables);
  return new Map([...builtin, ...global, ...user, ...project, ...environment]);
}

/** `npm_config_NAME`, in any case; what begins with slashes (credentials of a registry) is a key as it stands. */
function variablesOf(variables: Variables): Map<string, string> {
  const config = new Map<string, string>();
  for (const [name, value] of Object.entries(variables)) {
    if (!/^npm_config_/i.test(name) || value === undefined || value === '') continue;
    const key = name.slice('npm_config_'.length);
    config.set(key.startsWith('//') ? key : key.replaceAll(/(?!^)_/g, '-').toLowerCase(), value);
  }
  return config;
}

/** The nearest folder above that is a package's. */
function projectFolder(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, 'node_modules'))) return folder;
    if (dirname(folder) === folder) return from;
  }
}

function resolvePath(path: string | undefined, { home, workingFolder }: NpmConfigPlaces): string | undefined {
  return path === undefined ? undefined : resolve(workingFolder, path.replace(/^~(?=\/)/, home));
}

function installationPrefix(variables: Variables): string | undefined {
  const node = findProgram('node', variables);
  return node === undefined ? undefined : dirname(dirname(realpathSync(node)));
}

export function findProgram(name: string, { PATH = '' }: Variables): string | undefined {
  return PATH.split(delimiter)
    .filter(folder => folder !== '')
    .map(folder => join(folder, name))
    .find(path => existsSync(path));
}

/** No settings where the file cannot be read. */
function readIni(file: string, variables: Variables): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return new Map<string, string>();
  }
  const config = new Map<string, string>();
  for (const line of text.split(/[\r\n]+/)) {
    const [, key, value = 'true'] = /^\s*([^;#=\s][^=]*?)\s*(?:=\s*(.*?)\s*)?$/.exec(line) ?? [];
    if (key === undefined || key.startsWith('[')) continue;
    config.set(expand(unquote(key), variables), expand(unquote(value), variables));
  }
  return config;
}

function unquote(text: string): string {
  const [, double, single] = /^(?:"(.*)"|'(.*)')$/.exec(text) ?? [];
  // Without quotes, what follows a semicolon or a number sign is a comment.
  if (double === undefined && single === undefined)
    return text.replace(/\s*(?<!\\)[;#].*$/, '').replaceAll(/\\([;#])/g, '$1');
  return (double ?? single ?? '').replaceAll(/\\(["\\])/g, '$1');
}

/** `${NAME}` stays as it is where there is no such variable, `${NAME?}` then is nothing. */
function expand(text: string, variables: Variables): string {
  return text.replaceAll(/(?<!\\)\$\{([^${}?]+)(\?)?\}/g, (whole, name: string, optional: string | undefined) => {
    return variables[name] ?? (optional === undefined ? whole : '');
  });
}
