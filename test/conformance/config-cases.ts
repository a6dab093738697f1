import type { Case } from './cli-cases.ts';

const cases = (change: Partial<Case>, lines: readonly string[]): Case[] =>
  lines.map(line => ({ command: line.split(' '), ...change }));

/** What depends on how each of the two was built. */
const sameOptions = '--build-hook x --sandbox-paths /a=/b';

const showing: Case[] = [
  ...cases({}, [
    `nix config show ${sameOptions}`,
    'nix config show cores',
    'nix config show pure-eval',
    'nix config show --no-pure-eval pure-eval',
    'nix config show build-users-group',
    'nix config show experimental-features',
    'nix config show --extra-experimental-features flakes experimental-features',
    'nix config show --extra-experimental-features flakes use-registries',
    'nix config show use-registries',
    'nix config show build-cores',
    'nix config show extra-substituters',
    'nix config show nonsense',
    'nix config show cores store',
    'nix config show --json cores',
    'nix config show --min-free 64K min-free',
    'nix config show --min-free 2G min-free',
    'nix config show --max-jobs 7 max-jobs',
    'nix config show --extra-substituters b:// --substituters a:// substituters',
    'nix config show --substituters a:// --extra-substituters b:// substituters',
    'nix config show --sandbox-paths /a=/b?:/c sandbox-paths',
    'nix config show --access-tokens b=2:a=1 access-tokens',
    'nix config show --no-sandbox sandbox',
    'nix config show --relaxed-sandbox sandbox',
    'nix config show --offline substitute',
    'nix show-config cores',
    'nix config',
    'nix config bogus',
  ]),
  ...cases({ stdout: 'other', why: 'descriptions are in our own words' }, [
    'nix config show --json',
    'nix config show --json --pretty',
  ]),
  {
    command: ['nix', 'config', 'show', 'allowed-uris'],
    env: { NIX_CONFIG: 'experimental-features = nix-command\nallowed-uris = a\nextra-allowed-uris = b' },
  },
];

const helping: Case[] = [
  ...cases({ stdout: 'other', why: 'help is in our own words' }, [
    'nix --help',
    'nix help',
    'nix help config',
    'nix help config show',
    'nix help show-config',
    'nix help-stores',
    'nix help-stores --help',
    'nix config show --help',
    'nix config --help',
    'nix config bogus --help',
  ]),
  ...cases({}, ['nix help bogus', 'nix help-stores x']),
];

const completing: Case[] = [
  'nix conf',
  'nix config ',
  'nix config s',
  'nix config show --js',
  'nix config show -',
  'nix --log',
  'nix --log-format ',
  'nix --option ',
  'nix --option allow',
  'nix --option cores ',
  'nix -v --option cores 3 hash ',
  'nix hash path ',
  'nix hash path ./t',
  'nix hash path tree/',
  'nix hash path --algo ',
  'nix hash path --algo s',
  'nix hash path --format ',
  'nix hash path hello link ./',
  'nix hash path -- --',
  'nix hash bogus x',
  'nix --bogus x',
  'nix bogus',
  'nix --extra-sub',
  'nix hash-path ./',
  'nix hash convert --from s',
  'nix -vL hash pa',
  'nix nar ',
  'nix nar ls file.nar /',
].map(line => {
  const command = line.split(' ');
  return {
    command,
    env: { NIX_GET_COMPLETIONS: String(command.length - 1) },
    stdout: 'names' as const,
    why: 'descriptions are in our own words',
  };
});

/** `nix config show` and `check`, help, completions. */
export const configCases: readonly Case[] = [...showing, ...helping, ...completing];
