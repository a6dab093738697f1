import { byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { type JsonValue, formatJson } from '../../nix-compat/index.ts';
import { completeAmong } from '../args/completions.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix config show` */
export function configShow({ out, settings }: CommandContext): Command {
  let wanted: string | undefined;
  let json = false;
  let pretty = out.isTerminal;
  return {
    summary: 'Prints the settings and their values, or the value of one.',
    flags: [
      {
        long: 'json',
        labels: [],
        summary: 'Print what is known of all settings as JSON.',
        apply: () => (json = true),
      },
      ...jsonFlags(given => (pretty = given)),
    ],
    positionals: [
      {
        label: 'name',
        arity: 1,
        optional: true,
        complete: completeAmong(settings.names()),
        apply: name => (wanted = displayBytes(name)),
      },
    ],
    run: async () => {
      if (wanted !== undefined && json) {
        throw new CliError('usage/useless-flag', "'--json' is not supported when specifying a setting name");
      }
      if (wanted !== undefined) {
        const found = settings.names().find(name => name === wanted);
        if (found === undefined) throw new CliError('config/no-such-setting', `could not find setting '${wanted}'`);
        out.line(settings.format(found));
      } else if (json) {
        out.write(bytesOf(formatJson(await describedSettings(settings), pretty ? 2 : undefined)));
        out.line('');
      } else {
        for (const name of settings.names()) out.line(`${name} = ${settings.format(name)}`);
        out.line('');
      }
    },
  };
}

async function describedSettings(settings: CommandContext['settings']): Promise<JsonValue> {
  const { settingDescriptions } = await import('../settings/setting-descriptions.ts');
  const described = new Map(settings.toJson());
  const key = byteStringFromText('description');
  for (const [name, description] of Object.entries(settingDescriptions)) {
    const setting = described.get(byteStringFromText(name));
    if (!(setting instanceof Map)) continue;
    described.set(byteStringFromText(name), new Map([...setting, [key, byteStringFromText(`${description}\n`)]]));
  }
  return described;
}
