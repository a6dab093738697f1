import {
  Settings,
  experimentalFeatures,
  formatConfigWarning,
  formatJson,
  parseExperimentalFeatures,
  parseNixConf,
} from '../../../src/nix-compat/index.ts';
import { type Target, textOfInput } from '../target.ts';
import { vectorFiles } from './seeds.ts';
import { textTarget } from './text-codec.ts';

const environment = {
  platform: 'linux',
  system: 'x86_64-linux',
  extraPlatforms: ['i686-linux'],
  systemFeatures: ['kvm'],
  cores: 2,
  isRoot: true,
  confDir: '/etc/nix',
  store: 'auto',
  sslCertFile: undefined,
  nixPath: [],
  sandboxShell: undefined,
  experimentalFeatures: new Set<never>(),
} as const;

const files = new Map([
  ['/etc/nix/a.conf', 'cores = 1\n!include b.conf\n'],
  ['/etc/nix/b.conf', 'max-jobs = auto\ninclude nix.conf\n'],
  ['/etc/nix/c.conf', 'sandbox = relaxed\n'],
]);

const settingNames = new Settings(environment).toJson();
const configWords = [
  [
    '=',
    ' = ',
    '\n',
    '#',
    'include ',
    '!include ',
    'a.conf',
    'c.conf',
    'nix.conf',
    '/etc/nix/',
    '../',
    'extra-',
    'true',
    'false',
  ],
  [
    'auto',
    '0',
    '-1',
    '1K',
    '2G',
    '18446744073709551616',
    'relaxed',
    'a=b',
    'a?',
    '/x=/y?',
    '[]',
    '[{"systems":["a"],"program":"/p","args":[]}]',
  ],
  ['ignore', 'warn', 'fatal', 'flakes ca-derivations', '\t', '\r', '\\'],
  [...settingNames.keys()],
].flat();

export const configTargets: readonly Target[] = [
  textTarget({
    name: 'nix-conf',
    seeds: () => [
      ...vectorFiles(/config\/.*\.conf$/).map(file => file.toString('latin1').slice(0, 6000)),
      'sandbox = true\nextra-substituters = https://a https://b\ninclude c.conf\n!include none.conf\n# x\n',
      ...[...settingNames.keys()].map(
        name => `experimental-features = ${experimentalFeatures.join(' ')}\n${name} = 1\n`,
      ),
    ],
    dictionary: configWords,
    parse(input) {
      const assignments = parseNixConf(textOfInput(input), '/etc/nix/nix.conf', path => files.get(path));
      const settings = new Settings(environment);
      const warnings = settings.apply(assignments);
      const set = settings.names().filter(name => settings.originOf(name) !== undefined);
      return [
        assignments,
        warnings.map(formatConfigWarning),
        set.map(name => settings.format(name)),
        formatJson(settings.toJson()).length,
      ];
    },
    givesOffset: code => code === 'config/syntax',
  }),
  textTarget({
    name: 'config-value',
    // What is read back as it is shown.
    seeds: () =>
      [...settingNames.keys()].flatMap(name => [`${name}\n1`, `${name}\ntrue`, `${name}\na b`, `${name}\n/a/b`]),
    dictionary: configWords,
    parse(input) {
      const [name = '', value = ''] = textOfInput(input).split('\n');
      const settings = new Settings({ ...environment, experimentalFeatures: new Set(experimentalFeatures) });
      const warnings = settings.set({ name, value, origin: { source: 'fuzz', line: 1 } });
      return [
        name,
        warnings.map(formatConfigWarning),
        settings.find(name) === undefined ? '' : formatJson(settings.toJson()),
      ];
    },
  }),
  textTarget({
    name: 'experimental-features',
    seeds: () => ['flakes nix-command', ''],
    dictionary: [...experimentalFeatures, ' ', '\n'],
    parse: input => parseExperimentalFeatures(textOfInput(input)),
  }),
];
