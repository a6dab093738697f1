import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** What is done to a copy of the signed cache before a command is run. */
export type Damage = (cache: string) => void;

export interface Step {
  /** `@cache@` and the like are places, `@top@` and the like store paths. */
  readonly command: string;
  /** Of the caches that are copies of the signed one, `@damaged@`. */
  readonly damage?: Damage;
  /** What the setting `substituters` is; nothing unless given. */
  readonly substituters?: string;
  readonly trusted?: boolean;
  /** Something done to the store, which is below `root`, or the working directory. */
  readonly before?: (root: string, work: string) => void;
  /** `other`: Firn says it in its own words, `why` tells. */
  readonly stderr?: 'other';
  readonly status?: number;
  readonly why?: string;
}

/** Steps that follow each other on one store, which is empty at first. */
export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** Names of the store paths; each refers to those in its list. */
export const closure: Readonly<Record<string, readonly string[]>> = {
  a: [],
  b: [],
  mid: ['a', 'b'],
  top: ['mid', 'a', 'top'],
};

export function storePathOf(name: string): string {
  const letters: Readonly<Record<string, string>> = { a: 'a', b: 'b', mid: 'c', top: 'd', none: 'z', nope: 'y' };
  return `${(letters[name] ?? 'x').repeat(32)}-${name}`;
}

function narOf(cache: string, name: string): string {
  const info = readFileSync(infoOf(cache, name), 'utf8');
  return join(cache, /^URL: (.*)$/m.exec(info)?.[1] ?? '');
}

function infoOf(cache: string, name: string): string {
  return join(cache, `${storePathOf(name).slice(0, 32)}.narinfo`);
}

const withoutNar: Damage = cache => rmSync(narOf(cache, 'mid'));
const cutNar: Damage = cache => writeFileSync(narOf(cache, 'mid'), readFileSync(narOf(cache, 'mid')).subarray(0, 30));
const otherNar: Damage = cache => copyFileSync(narOf(cache, 'b'), narOf(cache, 'mid'));
const emptyNars: Damage = cache => {
  for (const name of readdirSync(join(cache, 'nar'))) writeFileSync(join(cache, 'nar', name), '');
};
const withoutInfo: Damage = cache => rmSync(infoOf(cache, 'b'));
const badInfo: Damage = cache => writeFileSync(infoOf(cache, 'b'), 'foo\n');
const withoutReferences: Damage = cache => {
  for (const name of Object.keys(closure)) {
    const info = infoOf(cache, name);
    writeFileSync(info, readFileSync(info, 'utf8').replace(/^References: .*\n/m, ''));
  }
};

const signed = { substituters: 'file://@signed@', trusted: true };
const damaged = (damage: Damage) => ({ substituters: 'file://@damaged@', trusted: true, damage });
const damagedAndGood = (damage: Damage) => ({
  substituters: 'file://@damaged@ file://@signed@',
  trusted: true,
  damage,
});
const own = (why: string) => ({ stderr: 'other', why }) as const;
const namesTheCache = own('Firn names the cache, too');
const saysOnce = own('C++ Nix says it again each time that it asks');
const cutShort = own('what a decompressor says of input that ends is its own');

function one(name: string, step: Step): Scenario {
  return { name, steps: [step] };
}

const realising: Scenario[] = [
  {
    name: 'a closure',
    steps: [
      { ...signed, command: 'nix-store -r @top@ --dry-run' },
      { ...signed, command: 'nix-store -r @top@' },
      { ...signed, command: 'nix-store -r @top@' },
      { ...signed, command: 'nix-store -r @top@ --no-output' },
      { ...signed, command: 'nix-store -r @top@ --check' },
      { ...signed, command: 'nix-store -r @top@/f /tmp' },
      { ...signed, command: 'nix-store -r' },
      { ...signed, command: 'nix-store -r --foo @top@' },
      { ...signed, command: 'nix-store -r @top@ --repair' },
      { ...signed, command: 'nix-store -q --references @top@' },
      { command: 'nix-store -r @none@ --ignore-unknown' },
    ],
  },
  one('what nobody has signed', { substituters: 'file://@unsigned@', trusted: true, command: 'nix-store -r @top@' }),
  one('what nobody has to sign', {
    substituters: 'file://@unsigned@',
    command: 'nix-store -r @top@ --option require-sigs false',
  }),
  one('what a trusted place has', { substituters: 'file://@unsigned@?trusted=1', command: 'nix-store -r @top@' }),
  one('what an untrusted key has signed', { substituters: 'file://@signed@', command: 'nix-store -r @top@' }),
  one('an unsigned cache and a signed one', {
    substituters: 'file://@unsigned@ file://@signed@',
    trusted: true,
    command: 'nix-store -r @top@',
  }),
  one('priorities', {
    substituters: 'file://@unsigned@?priority=50 file://@signed@?priority=10',
    trusted: true,
    command: 'nix-store -r @top@',
  }),
  one('without substitution', { ...signed, command: 'nix-store -r @a@ --option substitute false' }),
  one('nobody', { command: 'nix-store -r @a@' }),
  one('what nobody has', { ...signed, command: 'nix-store -r @none@' }),
  one('what nobody has, without doing anything', { ...signed, command: 'nix-store -r @none@ --dry-run' }),
  one('two that nobody has', { ...signed, command: 'nix-store -r @none@ @nope@' }),
  one('two that nobody has, and one', { ...signed, command: 'nix-store -r @none@ @nope@ @a@ -k' }),
  one('a store of no kind', { substituters: 'bogus://x', command: 'nix-store -r @a@' }),
  one('a NAR that is gone', { ...damaged(withoutNar), command: 'nix-store -r @top@', ...namesTheCache }),
  one('a NAR that is gone from the first', {
    ...damagedAndGood(withoutNar),
    command: 'nix-store -r @top@',
    ...namesTheCache,
  }),
  one('a NAR that is cut short', { ...damaged(cutNar), command: 'nix-store -r @top@', ...cutShort }),
  one('a NAR that is cut short in the first', {
    ...damagedAndGood(cutNar),
    command: 'nix-store -r @top@',
    ...cutShort,
  }),
  one('NARs that are empty', { ...damaged(emptyNars), command: 'nix-store -r @top@', ...cutShort }),
  one('another NAR', { ...damaged(otherNar), command: 'nix-store -r @top@' }),
  one('another NAR in the first', { ...damagedAndGood(otherNar), command: 'nix-store -r @top@' }),
  one('a reference that nobody has', {
    ...damaged(withoutInfo),
    command: 'nix-store -r @top@',
    ...own('nothing is fetched for what cannot be had completely'),
  }),
  one('a narinfo that is none', { ...damaged(badInfo), command: 'nix-store -r @top@' }),
  one('a narinfo that is none, without doing anything', {
    ...damaged(badInfo),
    command: 'nix-store -r @top@ --dry-run',
  }),
  one('a narinfo that is none in the first', {
    ...damagedAndGood(badInfo),
    command: 'nix-store -r @top@',
    ...saysOnce,
  }),
  one('a narinfo that is none, with a fallback', {
    ...damaged(badInfo),
    command: 'nix-store -r @top@ --fallback',
    ...saysOnce,
  }),
  one('narinfos that lie', { ...damaged(withoutReferences), command: 'nix-store -r @top@' }),
  one('narinfos that lie in the first', { ...damagedAndGood(withoutReferences), command: 'nix-store -r @top@' }),
];

const building: Scenario[] = [
  {
    name: 'nix build of a store path',
    steps: [
      { ...signed, command: 'nix build @top@ --json --dry-run' },
      { ...signed, command: 'nix build @top@ --json' },
      { ...signed, command: 'nix build @top@ @a@ --print-out-paths -o out' },
      { ...signed, command: 'nix build @none@ --dry-run' },
      { ...signed, command: 'nix build @top@ @none@ --no-link' },
      { ...signed, command: 'nix build @top@ --no-link --rebuild' },
      { ...signed, command: 'nix build @top@ --no-link --repair' },
      {
        ...signed,
        command: 'nix build @top@ -o there',
        before: (_, work) => writeFileSync(join(work, 'there'), ''),
      },
      { ...signed, command: 'nix build @top@ -o link', before: (_, work) => symlinkSync('/etc', join(work, 'link')) },
    ],
  },
  one('nix build of another NAR', { ...damaged(otherNar), command: 'nix build @top@ @none@' }),
];

const copying: Scenario[] = [
  {
    name: 'nix copy',
    steps: [
      { command: 'nix copy @top@' },
      { command: 'nix copy --from file://@unsigned@ @top@', ...own('C++ Nix may tell of several') },
      { command: 'nix copy --from file://@signed@ @none@' },
      { command: 'nix copy --from file://@signed@ @top@', trusted: true },
      { command: 'nix copy --from file://@signed@ @top@', trusted: true },
      { command: 'nix copy --to file://@target@ @none@' },
      { command: 'nix copy --to file://@target@ @top@ @none@' },
      { command: 'nix copy --to file://@target@ --all @top@' },
      { command: 'nix copy --to file://@target@ --no-recursive @a@' },
      { command: 'nix copy --to file://@target@ --all' },
      { command: 'nix copy --to file://@target@ @top@ -o out' },
      { command: 'nix copy --from bogus://x @top@' },
      { command: 'nix copy --to bogus://x @top@' },
      { command: 'nix path-info --store file://@target@ --all' },
    ],
  },
  one('nix copy without signatures', { command: 'nix copy --from file://@unsigned@ @top@ --no-check-sigs' }),
  one('nix copy of an incomplete closure', {
    ...damaged(withoutInfo),
    command: 'nix copy --from file://@damaged@ @top@',
  }),
  one('nix copy of a NAR that is gone', {
    ...damaged(withoutNar),
    command: 'nix copy --from file://@damaged@ @top@',
    ...namesTheCache,
  }),
  one('nix copy of a NAR that is cut short', {
    ...damaged(cutNar),
    command: 'nix copy --from file://@damaged@ @top@',
    ...cutShort,
  }),
  one('nix copy of another NAR', { ...damaged(otherNar), command: 'nix copy --from file://@damaged@ @top@' }),
  one('nix copy of another NAR, going on', {
    ...damaged(otherNar),
    command: 'nix copy --from file://@damaged@ @top@ --keep-going',
    ...own('Firn says why the others cannot be copied'),
  }),
  {
    name: 'signatures',
    steps: [
      { command: 'nix copy --from file://@unsigned@ @top@ --no-check-sigs' },
      { command: 'nix store sign @top@' },
      { command: 'nix store sign @top@ -k missing' },
      { command: 'nix store sign @none@ -k @key@' },
      { command: 'nix store copy-sigs -r @top@' },
      { command: 'nix store copy-sigs @a@ -s file://@unsigned@' },
      { command: 'nix store copy-sigs @a@ -s file://@signed@' },
      { command: 'nix store copy-sigs -r @top@ -s file://@signed@ -s bogus://x' },
      { command: 'nix store copy-sigs -r @top@ -s file://@signed@' },
      { command: 'nix store sign -r @top@ -k @key@' },
      { command: 'nix store sign -r @top@ -k @key2@' },
    ],
  },
  {
    name: 'logs',
    steps: [
      { command: 'nix copy --from file://@unsigned@ @a@ --no-check-sigs' },
      { command: 'nix store copy-log @a@' },
      { command: 'nix store copy-log --to file://@target@ @a@' },
      { command: 'nix store copy-log --from file://@signed@ @none@' },
    ],
  },
  {
    name: 'nix-copy-closure',
    steps: [
      { command: 'nix-copy-closure' },
      { command: 'nix-copy-closure --to' },
      { command: 'nix-copy-closure --from' },
    ],
  },
];

export const substitutionScenarios: readonly Scenario[] = [...realising, ...building, ...copying];

/** A copy of the cache at `from` with `damage` done to it. */
export function damagedCache(from: string, to: string, damage: Damage): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  damage(to);
}

/** Makes the files of the closure in a store directory. */
export function makeClosureFiles(storeDirectory: string): void {
  mkdirSync(storeDirectory, { recursive: true });
  for (const [name, references] of Object.entries(closure)) {
    const path = join(storeDirectory, storePathOf(name));
    const contents = references.map(reference => `/nix/store/${storePathOf(reference)}\n`).join('');
    if (references.length === 0) {
      writeFileSync(path, `${name}\n`);
      continue;
    }
    mkdirSync(path);
    writeFileSync(join(path, 'f'), contents);
    writeFileSync(join(path, 'large'), Buffer.alloc(200_000, name));
  }
}
