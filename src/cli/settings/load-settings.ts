import { readFileSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';
import { parseNixConf } from '../../nix-compat/index.ts';
import type { Environment } from '../environment.ts';
import type { InvocationSettings } from './invocation-settings.ts';

/**
 * Applies what configures an invocation before its command line does, weakest first: the system's nix.conf, the user's
 * files, NIX_CONFIG. Files that cannot be read are passed over. Throws `config/...` and `path/not-absolute`.
 */
export function loadSettings(settings: InvocationSettings, environment: Environment): void {
  const apply = (text: string | undefined, source: string): void => {
    if (text === undefined || text === '') return;
    const assignments = parseNixConf(text, source, readConfigFile);
    // The variable is stronger than any file.
    const overridden = environment.nixPath === undefined ? [] : ['nix-path', 'extra-nix-path'];
    settings.apply(assignments.filter(({ name }) => !overridden.includes(name)));
  };
  apply(readConfigFile(environment.systemConfFile), environment.systemConfFile);
  settings.forgetOverrides();
  for (const file of environment.userConfFiles.toReversed()) apply(readConfigFile(file), file);
  apply(environment.config, 'NIX_CONFIG');
}

/** Undefined where there is no such file; one that cannot be read counts as empty. */
function readConfigFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : '';
  }
}
