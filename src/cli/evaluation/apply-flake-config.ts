import { existsSync, readFileSync } from 'node:fs';
import { byteStringFromText, byteStringOf, displayBytes } from '../../base/index.ts';
import type { ConfigValue, Flake, InputRecorder } from '../../engine/index.ts';
import { expectObject, isJsonObject, parseJson } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';

/** Settings that any flake may change: they do no harm. */
const harmless: ReadonlySet<string> = new Set([
  'bash-prompt',
  'bash-prompt-prefix',
  'bash-prompt-suffix',
  'flake-registry',
  'commit-lock-file-summary',
  'commit-lockfile-summary',
]);

/**
 * Has the settings of a flake's `nixConfig` come into force: those that do no harm, all with `accept-flake-config`, and those
 * that the user has come to trust. `inputs` hears of the file that says which. Throws `config/bad-value`.
 */
export function applyFlakeConfig(context: CommandContext, config: Flake['config'], inputs?: InputRecorder): void {
  const { settings, log } = context;
  for (const [name, value] of config) {
    const text = formatValue(value);
    const base = name.startsWith('extra-') ? name.slice('extra-'.length) : name;
    if (
      !harmless.has(base) &&
      !settings.get('accept-flake-config') &&
      !isTrusted(context, { name, value: text, inputs })
    ) {
      log.warn(`ignoring untrusted flake configuration setting '${name}'.\nPass '--accept-flake-config' to trust it`);
      continue;
    }
    if (settings.find(base) !== undefined) settings.assign(name, text);
  }
}

function formatValue(value: ConfigValue): string {
  return typeof value === 'object' ? value.join(' ') : String(value);
}

/** What the user has said of a setting of this value, in a file that C++ Nix writes. */
function isTrusted(
  { environment, log }: CommandContext,
  {
    name,
    value,
    inputs,
  }: { readonly name: string; readonly value: string; readonly inputs: InputRecorder | undefined },
): boolean {
  const path = `${environment.userDataDir}/trusted-settings.json`;
  inputs?.otherFile(byteStringFromText(path));
  if (!existsSync(path)) return false;
  const values = expectObject(parseJson(byteStringOf(readFileSync(path)))).get(byteStringFromText(name));
  if (values === undefined || !isJsonObject(values)) return false;
  const saved = values.get(byteStringFromText(value));
  if (typeof saved !== 'boolean') return false;
  const setting = displayBytes(byteStringFromText(`${name} = ${value}`));
  log.log('info', `Using saved setting for '${setting}' from ~/.local/share/nix/trusted-settings.json.`);
  return saved;
}
