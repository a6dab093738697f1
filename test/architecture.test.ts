import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';

const root = dirname(import.meta.dirname);
const src = join(root, 'src');

/** The folders and what each may import, as ARCHITECTURE.md's table has them. */
function declared(): Map<string, string[]> {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const table = text.slice(text.search(/^\| folder +\| contract /m), text.indexOf('Tests (`*.test.ts`'));
  const folders = new Map<string, string[]>();
  for (const [, folder, imports] of table.matchAll(/^\| `([a-z-]+)` +\|.*\| ([a-z, -]+?) +\|$/gm)) {
    if (folder !== undefined && imports !== undefined) folders.set(folder, imports === '-' ? [] : imports.split(', '));
  }
  return folders;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(([, to]) => to ?? []);
}

/** Of modules that are run before this one: neither types nor what `import()` loads. */
function valueImportsOf(file: string): string[] {
  const statements = readFileSync(file, 'utf8').matchAll(/^(?:import|export) ([^;]*?) from '(\.[^']+)';/gm);
  return [...statements].flatMap(([, what = '', to]) => {
    const names = /\{([^}]*)\}/
      .exec(what)?.[1]
      ?.split(',')
      .map(name => name.trim());
    const areTypes = what.startsWith('type ') || names?.every(name => name === '' || name.startsWith('type ')) === true;
    return areTypes || to === undefined ? [] : [to];
  });
}

const folders = declared();
// What a generator made has its names and its form.
const files = globSync('**/*.ts', { cwd: src, exclude: ['proto/generated/**'] }).toSorted();

test('the table of folders is what the projects declare', () => {
  assert.ok(folders.size >= 5);
  const present = new Set(files.map(file => file.split(sep)[0] ?? ''));
  assert.deepEqual([...folders.keys()].toSorted(), [...present].toSorted());
  for (const [folder, imports] of folders) {
    const project = readFileSync(join(src, folder, 'tsconfig.json'), 'utf8');
    const references = [...project.matchAll(/"path": "\.\.\/([a-z-]+)"/g)].map(([, to]) => to);
    assert.deepEqual(references, imports, `src/${folder}/tsconfig.json`);
  }
});

test('every folder has a public face that opens with its contract', () => {
  for (const folder of folders.keys()) {
    if (folder === 'cli') continue;
    const face = join(src, folder, 'index.ts');
    assert.ok(existsSync(face), `src/${folder}/index.ts`);
    assert.match(readFileSync(face, 'utf8'), /^\/\*\*\n \* [a-z-]+: /, `src/${folder}/index.ts`);
  }
});

test('an import crosses a border only where it is declared, and only through the public face', () => {
  for (const file of files) {
    const [from = ''] = file.split(sep);
    const isTest = file.endsWith('.test.ts');
    for (const to of importsOf(join(src, file))) {
      if (!to.startsWith('.')) continue;
      const target = relative(src, resolve(src, dirname(file), to)).split(sep);
      const [folder = ''] = target;
      if (folder === from) continue;
      const isFace = target.length === 2 && target[1] === 'index.ts';
      assert.ok(isFace || (isTest && folder === 'testing'), `src/${file} imports ${to}, past the public face`);
      assert.ok(isTest || folders.get(from)?.includes(folder), `src/${file} imports ${to}: undeclared`);
    }
  }
});

test('commands load servers and what these speak when they need them: all else of a command is in every process (docs/adr/0009)', () => {
  const apart = new Set(['grpc', 'proto', 'reapi', 'server']);
  const found = new Map(files.filter(file => /^cli.commands./.test(file)).map(file => [file, file]));
  for (const [file, way] of found) {
    for (const to of valueImportsOf(join(src, file))) {
      const target = relative(src, resolve(src, dirname(file), to));
      assert.ok(!apart.has(target.split(sep)[0] ?? ''), `${way} > ${target}: use import()`);
      if (!found.has(target)) found.set(target, `${way} > ${target}`);
    }
  }
});

test('file names are kebab-case and say what is in them', () => {
  for (const file of files) {
    assert.match(basename(file), /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/, file);
    assert.doesNotMatch(basename(file), /^(utils?|common|helpers?|misc|shared)\b/, file);
  }
});

test('no loop of the core lacks a condition: its compiler drops what follows `for (;;) { … break; }`', () => {
  for (const file of files.filter(name => name.startsWith(`core${sep}`))) {
    assert.doesNotMatch(readFileSync(join(src, file), 'utf8'), /\bfor \([^;)]*;\s*;/, `src/${file}`);
  }
});

test('dependencies are pinned exactly and no registry is named', () => {
  const manifest = readFileSync(join(root, 'package.json'), 'utf8');
  for (const [, name, version] of manifest.matchAll(/^ {4}"([@a-z0-9/.-]+)": "([\^~*][^"]*)"/gm)) {
    assert.fail(`${name} is not pinned: ${version}`);
  }
  assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved"/);
});

test('the small launchers are one text under every name', () => {
  const texts = readdirSync(join(root, 'bin')).map(name => readFileSync(join(root, 'bin', name), 'utf8'));
  assert.equal(texts.length, 13);
  assert.equal(new Set(texts).size, 1);
});
