import { nar } from './cli-fixture.ts';
import { configCases } from './config-cases.ts';

export interface Case {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  /** `longer`: our lines begin with theirs; `other`: Firn says it in its own words, `why` tells. `same` unless given. */
  readonly stderr?: 'same' | 'longer' | 'other';
  /** `names`: each line up to its first tab is the same. */
  readonly stdout?: 'same' | 'names' | 'other';
  /** Our exit status where it is not theirs. */
  readonly status?: number;
  readonly why?: string;
}

export const plain = (...commands: readonly string[]): Case[] => commands.map(line => ({ command: line.split(' ') }));
export const but = (one: Case, change: Partial<Case>): Case => ({ ...one, ...change });
const exact = (...command: readonly string[]): Case => ({ command });
const config = (NIX_CONFIG: string, line: string): Case => ({
  command: line.split(' '),
  env: { NIX_CONFIG: `${NIX_CONFIG}\nbuild-users-group =` },
});
export const product = (templates: readonly string[], ...choices: readonly (readonly string[])[]): Case[] => {
  let lines = [...templates];
  choices.forEach((values, at) => {
    lines = lines.flatMap(line => values.map(value => line.replaceAll(`$${at + 1}`, value)));
  });
  return plain(...lines.map(line => line.replaceAll(/ +/g, ' ').trim()));
};

const algorithms = ['md5', 'sha1', 'sha256', 'sha512'];
const paths = [
  'hello',
  'empty',
  'padded',
  'large',
  'run',
  'link',
  'dangling',
  'tree',
  'tree-link',
  'tree-link/a',
  'deep',
];
const xp = '--extra-experimental-features';

const hashing: Case[] = [
  ...product(['nix-hash --type $1 $2'], algorithms, paths),
  ...product(['nix-hash --flat --type $1 $2'], algorithms, ['hello', 'empty', 'padded', 'large', 'link']),
  ...product(
    ['nix-hash $1 --type sha256 $2'],
    ['--base16', '--base32', '--base64', '--sri', '--truncate'],
    ['hello', 'tree'],
  ),
  ...product(['nix hash path --algo $1 --format $2 tree'], algorithms, ['base16', 'nix32', 'base32', 'base64', 'sri']),
  ...product(['nix hash path $1', 'nix hash file $1'], ['hello', 'empty', 'link', 'large']),
  ...product(['nix hash path $1 --type sha1 tree'], ['--base16', '--base32', '--base64', '--sri']),
  ...product(['nix hash path --mode $1 $2'], ['nar', 'flat'], ['hello', 'run', 'link']),
  ...product(
    [`nix hash path --mode git ${xp} git-hashing --algo $1 $2`],
    ['sha1', 'sha256'],
    ['hello', 'run', 'link', 'tree'],
  ),
  ...plain(
    'nix-hash',
    'nix-hash tree',
    'nix-hash hello empty tree',
    'nix-hash hello missing empty',
    'nix-hash missing',
    'nix-hash missing/x',
    'nix-hash hello/x',
    'nix-hash tree/',
    'nix-hash tree/.',
    'nix-hash ./tree/../hello',
    'nix-hash tree-link/../hello',
    'nix-hash special',
    'nix-hash special/fifo',
    'nix-hash too-deep',
    'nix-hash --flat tree',
    'nix-hash --flat missing',
    'nix-hash --flat dangling',
    'nix-hash --type',
    'nix-hash --type sha3 hello',
    'nix-hash --type md5 --type sha1 hello',
    'nix-hash --type blake3 hello',
    'nix-hash --type SHA256 hello',
    'nix-hash --bogus',
    'nix-hash --bogus hello',
    'nix-hash -x hello',
    'nix-hash - hello',
    'nix-hash --truncate --type sha512 --base32 hello',
    'nix-hash --truncate --type sha256 hello',
    'nix-hash --truncate --sri --type sha256 hello',
    'nix-hash -v hello',
    'nix-hash -vvv hello',
    'nix-hash --quiet missing',
    'nix-hash --quiet --quiet --quiet missing',
    'nix-hash -j 3 hello',
    'nix-hash -j3 hello',
    'nix-hash -j x hello',
    'nix-hash -j',
    'nix-hash -QKk hello',
    'nix-hash -Qz hello',
    'nix-hash --cores 2 hello',
    'nix-hash --cores 2K hello',
    'nix-hash --cores x hello',
    'nix-hash --cores 3x hello',
    'nix-hash --cores -1 hello',
    'nix-hash --timeout 10 --max-silent-time 1G hello',
    'nix-hash --option cores 3 hello',
    'nix-hash --option cores x hello',
    'nix-hash --option nonsense 3 hello',
    'nix-hash --option nonsense',
    'nix-hash --option',
    'nix-hash --option sandbox maybe hello',
    'nix-hash --option keep-going perhaps hello',
    'nix-hash --option max-jobs many hello',
    'nix-hash --option netrc-file hello',
    'nix-hash --option lint-url-literals never hello',
    'nix-hash --option eval-profiler on hello',
    'nix-hash --option extra-substituters file:///x hello',
    'nix-hash --option extra-cores 3 hello',
    'nix-hash --option accept-flake-config true hello',
    'nix-hash --option experimental-features made-up hello',
    'nix-hash --option experimental-features no-url-literals hello',
    'nix-hash --log-format raw missing',
    'nix-hash --log-format bar missing',
    'nix-hash --log-format nonsense hello',
    'nix-hash --log-format',
    'nix-hash --show-trace missing',
    'nix-hash --no-show-trace hello',
    'nix-hash --sandbox hello',
    'nix-hash --no-sandbox hello',
    'nix-hash --relaxed-sandbox hello',
    'nix-hash --no-cores hello',
    'nix-hash --extra-substituters file:///x hello',
    'nix-hash --extra-cores 4 hello',
    'nix-hash --use-case-hack cases',
    'nix-hash --option use-case-hack true cases',
    'nix-hash --option use-case-hack true clash',
    'nix-hash --no-use-case-hack cases',
    'nix-hash --version',
    'nix-hash --version --bogus',
    'nix-hash hello --version',
  ),
  exact('nix-hash', ''),
  exact('nix-hash', '--flat', ''),
  exact('nix-hash', '--option', 'netrc-file', '', 'hello'),
  exact('nix-hash', 'tree/with space'),
  exact('nix-hash', 'tree/ünïcode'),
  exact('nix-hash', '--flat', 'missing "quoted" \\ file'),
  exact('nix-hash', '--flat', 'missing\tfile'),
  ...plain(
    'nix hash',
    'nix hash path',
    'nix hash path missing',
    'nix hash path --mode text hello',
    'nix hash path --mode',
    'nix hash path --mode git tree',
    'nix hash path --algo sha3 hello',
    'nix hash path --format hex hello',
    'nix hash path --algo blake3 hello',
    `nix hash path --algo blake3 ${xp} blake3-hashes hello`,
    `nix hash path --algo blake3 ${xp} blake3-hashes large`,
    'nix hash path --bogus hello',
    'nix hash path --modulo x hello',
    'nix hash path --truncate hello',
    'nix hash file --mode flat hello',
    'nix hash file tree',
    'nix hash file missing',
    'nix hash file special/fifo/x',
    'nix hash file hello empty large',
    'nix hash pth hello',
    'nix hash-path hello',
    'nix hash-file hello',
    'nix to-base16 sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=',
  ),
];

const digests = {
  base16: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  nix32: '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s',
  base64: 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=',
};
const forms = [
  ...Object.values(digests).map(digest => `sha256:${digest}`),
  `sha256-${digests.base64}`,
  `sha256-${digests.base64.slice(0, -1)}`,
];

const converting: Case[] = [
  ...product(['nix hash convert --to $1 $2'], ['base16', 'nix32', 'base32', 'base64', 'sri'], forms),
  ...product(['nix hash convert --hash-algo sha256 $1'], [...Object.values(digests), ...forms]),
  ...product(['nix hash convert --from $1 --to base16 $2'], ['base16', 'nix32', 'base64', 'sri'], forms),
  ...product(
    ['nix hash to-$1 --type sha256 $2', 'nix-hash --to-$1 --type sha256 $2'],
    ['base16', 'base32', 'base64', 'sri'],
    Object.values(digests),
  ),
  ...product(['nix-hash --to-$1 $2'], ['base16', 'sri'], forms),
  ...plain(
    'nix hash convert',
    'nix hash convert --to hex sha256:00',
    'nix hash convert --from hex sha256:00',
    'nix hash convert sha256:00',
    'nix hash convert sha1:00',
    'nix hash convert sha256-00',
    'nix hash convert sha256-',
    'nix hash convert sha256:',
    'nix hash convert sha3:00',
    'nix hash convert :00',
    'nix hash convert -00',
    'nix hash convert 00',
    'nix hash convert --hash-algo sha256 00',
    'nix hash convert --hash-algo md5 sha256:00',
    `nix hash convert --hash-algo sha1 ${forms[0]}`,
    `nix hash convert sha256:${'z'.repeat(64)}`,
    `nix hash convert sha256:${'e'.repeat(52)}`,
    `nix hash convert sha256:${'z'.repeat(52)}`,
    `nix hash convert sha256:${'-'.repeat(44)}`,
    `nix hash convert sha256-${'='.repeat(44)}`,
    `nix hash convert sha256-${'A'.repeat(43)}`,
    `nix hash convert sha256-${'A'.repeat(45)}`,
    `nix hash convert ${forms.join(' ')}`,
    `nix hash convert ${forms[0]} bogus ${forms[1]}`,
    'nix-hash --to-base16 --type md5 zzz',
    `nix-hash --to-base16 --type sha1 ${'z'.repeat(40)}`,
    `nix-hash --to-base16 --type sha1 ${'e'.repeat(32)}`,
    'nix-hash --to-base16 00',
    'nix-hash --to-base16',
    'nix hash to-base32',
    'nix hash to-sri 00',
    `nix hash to-sri ${forms[0]}`,
    `nix-hash --to-sri --type blake3 ${digests.base16}`,
    `nix hash convert --hash-algo blake3 ${digests.base16}`,
    `nix hash convert ${xp} blake3-hashes --hash-algo blake3 ${digests.base16}`,
    `nix hash convert blake3:${digests.base16}`,
  ),
];

const narPaths = ['hello', 'empty', 'padded', 'large', 'run', 'link', 'dangling', 'tree', 'deep'];
const dumping: Case[] = [
  ...product(
    ['nix-store --dump $1', 'nix nar pack $1', 'nix nar dump-path $1', 'nix dump-path $1'].slice(0, 3),
    narPaths,
  ),
  ...plain(
    'nix-store --dump tree/',
    'nix-store --option use-case-hack true --dump cases',
    'nix-store --dump cases',
    'nix-store --quiet --dump hello',
    'nix-store --dump hello --cores 3',
  ),
  ...plain(
    'nix-store --dump',
    'nix-store --dump hello empty',
    'nix-store --dump --bogus hello',
    'nix-store --dump --dump hello',
    'nix-store --dump --restore hello',
    'nix-store --dump missing',
    'nix-store --dump special',
    'nix-store --dump special/fifo',
    'nix-store --dump tree-link/a',
    'nix-store --dump tree-link/sub/x',
    'nix-store --option use-case-hack true --dump clash',
    'nix nar pack',
    'nix nar pack missing',
    'nix nar pack a b',
    'nix nar',
    'nix nar bogus',
    'nix nar lss',
  ).map(one => but(one, { stdout: 'other', why: 'how much of a NAR is written before it fails is nobody’s' })),
  {
    command: ['nix-store', '--dump', 'too-deep'],
    stdout: 'other',
    stderr: 'other',
    why: 'the walk says that the directory is too deep, not the NAR',
  },
];

const narFiles = ['tree.nar', 'file.nar', 'link.nar'];
const bad = ['unsorted', 'twice', 'slash', 'dots', 'long-name', 'cut', 'bad-type', 'bad-tag', 'empty-target'];
const listing: Case[] = [
  ...product(['nix nar ls $1 $2'], narFiles, ['/']),
  ...product(
    ['nix nar ls $1 $2'],
    ['-l', '-R', '-lR', '-d', '-ld', '-dR', '--json', '--json -R'],
    ['tree.nar /', 'file.nar /', 'link.nar /'],
  ),
  ...product(
    ['nix nar ls $1 tree.nar $2'],
    ['', '-l', '-R', '--json', '--json -R'],
    ['a', '/a', '/sub', 'sub/', '/sub/deep', '/link', '/missing', '/a/x', '/sub/../a', '//run'],
  ),
  exact('nix', 'nar', 'ls', '-R', '-d', 'tree.nar', ''),
  exact('nix', 'nar', 'ls', '--json', '--pretty', 'tree.nar', ''),
  ...plain(
    'nix nar ls',
    'nix nar ls tree.nar',
    'nix nar ls tree.nar / /',
    'nix nar ls --json -d tree.nar /',
    'nix nar ls missing.nar /',
    'nix nar ls not-a-nar /',
    'nix nar ls tree /',
    'nix nar ls trailing.nar /',
    'nix ls-nar tree.nar /',
    'nix nar cat tree.nar a',
    'nix nar cat tree.nar /a',
    'nix nar cat tree.nar /sub/deep',
    'nix nar cat tree.nar /empty',
    'nix nar cat tree.nar /link',
    'nix nar cat tree.nar /sub',
    'nix nar cat tree.nar /',
    'nix nar cat tree.nar missing',
    'nix nar cat tree.nar /a/x',
    'nix nar cat file.nar /',
    'nix nar cat file.nar x',
    'nix nar cat missing.nar /',
    'nix nar cat not-a-nar /',
    'nix nar cat trailing.nar /run',
    'nix cat-nar tree.nar /run',
    'nix nar cat tree.nar',
    'nix nar cat',
  ),
  ...product(['nix nar ls $1.nar /', 'nix nar cat $1.nar /a'], bad).map(one =>
    but(one, { stdout: 'other', stderr: 'longer', why: 'refusals of NARs name the offending thing, too' }),
  ),
];

const restore = (stdin: string | Buffer, ...args: readonly string[]): Case => ({
  command: ['nix-store', '--restore', ...args],
  stdin,
});

const restoring: Case[] = [
  ...['out', 'tree', 'hello', 'link', 'dangling', 'tree-link', 'missing/out', 'hello/out', 'tree/new'].flatMap(path => [
    restore(nar('(', 'type', 'directory', ')'), path),
    restore(nar('(', 'type', 'regular', 'contents', 'x', ')'), path),
    restore(nar('(', 'type', 'symlink', 'target', 'to', ')'), path),
  ]),
  restore('something that is clearly no NAR, and long', 'out'),
  restore('', 'out', 'other'),
  restore(''),
  restore('', '--bogus', 'out'),
  ...[
    '',
    'short',
    nar('(', 'type', 'directory', 'entry', '(', 'name', 'a', 'node', '(', 'type', 'socket', ')', ')', ')'),
    nar('(', 'type', 'regular', 'contents', 'abc'),
    nar('(', 'type', 'regular', 'executable', 'yes', 'contents', 'abc', ')'),
    nar('(', 'type', 'symlink', 'target', 'a\0b', ')'),
    nar('(', 'type', 'directory', 'entry', '(', 'name', 'a\0b', 'node', '(', 'type', 'directory', ')', ')', ')'),
  ].map(stdin => but(restore(stdin, 'out'), { stderr: 'longer', why: 'Firn names the offset and the thing, too' })),
];

const keys: Case[] = [
  ...['', 'foo', 'foo:', ':abc', 'foo:bar', `foo:${'A'.repeat(40)}`].map(stdin => ({
    command: ['nix', 'key', 'convert-secret-to-public'],
    stdin,
  })),
  {
    command: ['nix', 'key', 'convert-secret-to-public'],
    stdin: 'test-1:2n5VjnsgiMcJPL8sTmryC4EdG+csSZOllhho8q8zt1fh15518y9xU+2RoTuYEEqcH46pa5lxsn1vjr9p7xDDMA==\n',
  },
  ...plain(
    'nix key',
    'nix key generate-secret',
    'nix key generate-secret --key-name',
    'nix key generate-secret x',
    'nix key convert-secret-to-public x',
    'nix key bogus',
    'nix-store --generate-binary-cache-key',
    'nix-store --generate-binary-cache-key a b',
    'nix-store --generate-binary-cache-key a b c d',
    'nix-store --generate-binary-cache-key --bogus a b c',
    'nix-store --generate-binary-cache-key k-1 secret public',
    'nix-store --generate-binary-cache-key k-1 missing/secret missing/public',
  ),
];

/** `@drv@` is the derivation that C++ Nix made in the store that both use. */
const derivations: Case[] = [
  ...product(
    ['nix derivation show $1 $2', 'nix show-derivation $1 $2'],
    ['', '-r', '--recursive', '--pretty', '--no-pretty', '-r --pretty'],
    ['@drv@', '@drv@^out', '@drv@^*', '@drv@ @drv@'],
  ),
  ...plain('nix derivation', 'nix derivation shw', 'nix derivation show --bogus', 'nix derivation show -r --bogus x'),
];

const general: Case[] = [
  ...product(['nix $1', 'nix-store $1', 'nix-hash $1'], ['--version', '--bogus', '-z', '--option x', '--cores']),
  ...plain(
    'nix',
    'nix --version hash',
    'nix hash --version',
    'nix hash --bogus',
    'nix bogus',
    'nix hsh',
    'nix has',
    'nix hash path hello --version',
    'nix --extra-experimental-features',
    'nix --bogus hash path hello',
    'nix hash --mode nar path hello',
    'nix hash path -- hello',
    'nix hash path -v -v hello',
    'nix -- hash path hello',
    'nix hash -- path hello',
    'nix -L hash path hello',
    'nix --offline hash path hello',
    'nix --no-net hash path hello',
    'nix --refresh hash path hello',
    'nix --accept-flake-config hash path hello',
    'nix --option nonsense x hash path hello',
    'nix --cores x hash path hello',
    'nix --max-jobs x hash path hello',
    'nix --keep-going hash path hello',
    'nix --sandbox-paths /x hash path hello',
    'nix --extra-sandbox-paths /x hash path hello',
    'nix --access-tokens a=b hash path hello',
    'nix --log-format internal-json hash path hello',
    'nix --log-format raw hash path missing',
    'nix-store',
    'nix-store --bogus',
    'nix-store hello',
  ),
  config('', 'nix-hash hello'),
  config('experimental-features = flakes', 'nix hash path hello'),
  config('experimental-features =', 'nix hash'),
  config('extra-experimental-features = nix-command', 'nix hash path hello'),
  config('experimental-features = nix-command made-up', 'nix hash path hello'),
  config('experimental-features = nix-command\nfoo = bar', 'nix hash path hello'),
  config('experimental-features =\nflake-registry = x', 'nix-hash hello'),
  config('include /nonexistent/x', 'nix-hash hello'),
  config('!include /nonexistent/x', 'nix-hash hello'),
  config('foo = bar\nabc = def', 'nix-hash hello'),
  but(config('cores = x', 'nix-hash hello'), { stderr: 'longer', why: 'Firn says where the setting is' }),
  config('cores', 'nix-hash hello'),
  config('cores 3', 'nix-hash hello'),
  but(config('keep-going = maybe', 'nix-hash hello'), { stderr: 'longer', why: 'Firn says where the setting is' }),
  config('# only a comment', 'nix-hash hello'),
  config('cores = 3 # with a comment', 'nix-hash hello'),
  config('  cores   =   3  ', 'nix-hash hello'),
  config('include', 'nix-hash hello'),
  config('use-case-hack = true', 'nix-hash cases'),
  config('max-jobs = auto', 'nix-hash hello'),
  but(config('max-jobs = -1', 'nix-hash hello'), { stderr: 'longer', why: 'Firn says where the setting is' }),
  config('sandbox = relaxed', 'nix-hash hello'),
  but(config('sandbox = maybe', 'nix-hash hello'), { stderr: 'longer', why: 'Firn says where the setting is' }),
  config('experimental-features = nix-command\nflake-registry = x', 'nix-hash hello'),
];

/** Where Firn does otherwise, on purpose. */
const different: Case[] = [
  {
    command: ['nix-hash', '--debug', '--version'],
    stdout: 'other',
    why: 'Firn has no garbage collector for values, and a data folder',
  },
  {
    command: ['nix', 'hash', 'path', '--mode', 'git', xp, 'git-hashing', 'special'],
    stderr: 'other',
    why: 'C++ Nix names the type of the file in this mode only',
  },
  ...['hello', 'empty'].map(path => ({
    command: ['nix', 'nar', 'ls', path, '/'],
    stderr: 'longer' as const,
    why: 'Firn says where the NAR breaks off',
  })),
  {
    command: ['nix', 'key', 'convert-secret-to-public'],
    stdin: 'foo:!!!',
    stderr: 'other',
    why: 'C++ Nix shows every character that is not base64 as an empty string',
  },
  {
    command: ['nix', 'key', 'convert-secret-to-public'],
    stdin: `foo:${'A'.repeat(86)}==`,
    status: 1,
    stdout: 'other',
    stderr: 'other',
    why: 'Firn refuses a secret key whose public half belongs to another one: signing with it would give it away',
  },
  {
    ...config('', 'nix hash path hello'),
    status: 0,
    stdout: 'other',
    stderr: 'other',
    why: 'where nobody chose experimental features, Firn has all of them enabled',
  },
  {
    ...config('flake-registry = x', 'nix-hash hello'),
    stderr: 'other',
    why: 'where nobody chose experimental features, Firn has all of them enabled',
  },
];

export const cliCases: readonly Case[] = [
  ...hashing,
  ...converting,
  ...dumping,
  ...listing,
  ...restoring,
  ...keys,
  ...derivations,
  ...general,
  ...configCases,
  ...different,
];
