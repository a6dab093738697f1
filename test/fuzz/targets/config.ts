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

const settingValues = [
  ['', '1', 'true', 'auto', 'relaxed', 'a b', '/a/b', '-1', '2G', 'a=b c=d=e', '/a=/b? /c', 'fatal', 'flakes'],
  ['[{"systems":["a"],"program":"/p","args":["x"]}]'],
].flat();

export const configTargets: readonly Target[] = [
  textTarget({
    name: 'nix-conf',
    seeds: () => [
      ...vectorFiles(/config\/.*\.conf$/).map(file => file.toString('latin1').slice(0, 6000)),
      'include a.conf\n',
      'include ../nix/a.conf\n',
      'include none.conf\n',
      'include a.conf b.conf\n',
      'experimental-features = no-url-literals x\nextra-experimental-features = flakes\nmax-jobs = auto\n',
      'sandbox-paths = /a=/b? /c\nextra-sandbox-paths = /d\naccess-tokens = a=b c=d\nextra-access-tokens = e=f\n',
      'min-free = -2K\nwarn-short-path-literals = true\nextra-trusted-users = a b\n',
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
    seeds: () => [...settingNames.keys()].flatMap(name => settingValues.map(value => `${name}\n${value}`)),
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
