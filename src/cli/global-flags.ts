import { byteStringFromText, displayBytes } from '../base/index.ts';
import { NixCompatError, type SettingName } from '../nix-compat/index.ts';
import { type Flag, type FlagFinder, firstOf, indexFlags } from './args/flag.ts';
import type { CommandContext } from './command.ts';
import { CliError } from './error.ts';
import { absolutePath } from './paths.ts';
import { parseLogFormat } from './render/logger.ts';
import { settingFlags } from './settings/setting-flags.ts';

/** Flags that every command line understands, whatever its name. */
export function globalFlags({ log, settings, environment }: CommandContext): Flag[] {
  return [
    {
      long: 'verbose',
      short: 'v',
      labels: [],
      summary: 'Show more of what happens.',
      apply: () => log.changeVerbosity(1),
    },
    { long: 'quiet', labels: [], summary: 'Show less of what happens.', apply: () => log.changeVerbosity(-1) },
    {
      long: 'debug',
      labels: [],
      summary: 'Show all that helps to find out why.',
      apply: () => (log.verbosity = 'debug'),
    },
    {
      long: 'log-format',
      labels: ['format'],
      summary: 'raw, raw-with-logs, internal-json, bar or bar-with-logs.',
      apply: format => (log.format = parseLogFormat(format)),
    },
    {
      long: 'option',
      labels: ['name', 'value'],
      summary: 'Set what nix.conf could set.',
      complete: (completions, prefix, index) => {
        if (index > 0) return;
        for (const name of settings.names()) {
          if (name.startsWith(prefix)) completions.add(byteStringFromText(name), `Set the '${name}' setting.`);
        }
      },
      apply: (name, value) => {
        try {
          settings.assign(displayBytes(name), displayBytes(value));
        } catch (error) {
          if (!(error instanceof NixCompatError && error.code === 'config/bad-value')) throw error;
          log.warn(error.message);
        }
      },
    },
    {
      long: 'max-jobs',
      short: 'j',
      labels: ['jobs'],
      summary: 'How many builds may run at once.',
      apply: jobs => settings.assign('max-jobs', displayBytes(jobs)),
    },
    {
      long: 'data',
      labels: ['folder'],
      summary: "Where Firn's data is, instead of FIRN_DATA.",
      apply: folder => (environment.dataOverride = displayBytes(absolutePath(folder))),
    },
  ];
}

/** How long what was downloaded counts as up to date, in seconds. */
const lifetimes: readonly SettingName[] = [
  'tarball-ttl',
  'narinfo-cache-meta-ttl',
  'narinfo-cache-negative-ttl',
  'narinfo-cache-positive-ttl',
];

export interface NixFlags {
  help: boolean;
  version: boolean;
}

/** Flags of `nix` and `firn` before and after any command. What they ask for is noted in `seen`. */
export function nixFlags({ settings, log }: CommandContext, seen: NixFlags): Flag[] {
  return [
    { long: 'help', labels: [], summary: 'Show what there is.', apply: () => (seen.help = true) },
    { long: 'version', labels: [], summary: 'Show the version.', apply: () => (seen.version = true) },
    {
      long: 'print-build-logs',
      short: 'L',
      labels: [],
      summary: 'Show the output of builds in full.',
      feature: 'nix-command',
      apply: () => log.showBuildLogs(),
    },
    {
      long: 'offline',
      aliases: ['no-net'],
      labels: [],
      summary: 'Use no substituter and no network.',
      feature: 'nix-command',
      apply: () => settings.assign('substitute', 'false'),
    },
    {
      long: 'refresh',
      labels: [],
      summary: 'Take what was downloaded before for outdated.',
      feature: 'nix-command',
      apply: () => {
        for (const name of lifetimes) settings.assign(name, '0');
      },
    },
  ];
}

/** Flags of all `nix-*` commands. */
export function legacyFlags({ settings, log, modes }: CommandContext): Flag[] {
  const enable = (name: SettingName, short?: string): Flag => ({
    long: name,
    ...(short === undefined ? {} : { short }),
    labels: [],
    summary: `Sets '${name}' to true.`,
    apply: () => settings.assign(name, 'true'),
  });
  const integer = (name: SettingName): Flag => ({
    long: name,
    labels: ['n'],
    summary: `Sets '${name}'.`,
    apply: value => {
      const text = displayBytes(value);
      if (!/^\+?[0-9]{1,19}[KMGT]?$/i.test(text)) throw notAnInteger(text);
      settings.assign(name, text);
    },
  });
  return [
    {
      long: 'no-build-output',
      short: 'Q',
      labels: [],
      summary: 'Do not show the output of builds.',
      apply: () => (log.format = 'raw'),
    },
    enable('keep-failed', 'K'),
    enable('keep-going', 'k'),
    enable('fallback'),
    integer('cores'),
    integer('max-silent-time'),
    integer('timeout'),
    {
      long: 'readonly-mode',
      labels: [],
      summary: 'Do not change the store.',
      apply: () => (modes.readsOnly = true),
    },
    {
      long: 'no-gc-warning',
      labels: [],
      summary: 'Do not warn of results without a root.',
      apply: () => (modes.warnsOfGarbage = false),
    },
    {
      long: 'store',
      labels: ['store-uri'],
      summary: 'The store to use.',
      apply: uri => settings.assign('store', displayBytes(uri)),
    },
  ];
}

function notAnInteger(text: string): CliError {
  const unit = /[A-Za-z]$/.exec(text)?.[0].toUpperCase() ?? '';
  if (unit !== '' && !'KMGT'.includes(unit)) {
    return new CliError('usage/bad-value', `invalid unit specifier '${unit}'`);
  }
  return new CliError('usage/bad-value', `'${unit === '' ? text : text.slice(0, -1)}' is not an integer`);
}

/** The given flags, and what settings have as flags where these have no name in common. */
export function withSettings(flags: readonly Flag[], { program, settings }: CommandContext): FlagFinder {
  const ofSettings = settingFlags(settings);
  // nix-env had a flag of this name before the setting had one.
  const others: FlagFinder = spelling =>
    program === 'nix-env' && spelling === '--system' ? undefined : ofSettings(spelling);
  return firstOf(indexFlags(flags), others);
}
