import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evaluateText, memoryEvalIO } from '../../testing/index.ts';

const files = {
  '/d/default.nix': '{ x = import ./y.nix; }',
  '/d/y.nix': '41 + 1',
  '/d/text': 'hello',
  '/link': { link: 'd/text' },
  '/alias': { link: '/d' },
  '/loop': { link: '/loop' },
  '/nul': 'a\0b',
  '/scoped.nix': 'given + 1',
  '/broken.nix': '{ a = ; }',
};

function value(text: string): string {
  const found = evaluateText(text, { io: memoryEvalIO(files) });
  assert.ok('value' in found, JSON.stringify(found));
  return found.value;
}

function error(text: string, options: Parameters<typeof evaluateText>[1] = {}): string {
  const found = evaluateText(text, { io: memoryEvalIO(files), ...options });
  assert.ok('error' in found, JSON.stringify(found));
  return found.error;
}

describe('builtins that look at files', () => {
  test('import: files, folders, symlinks, and each file once', () => {
    assert.equal(value('(import /d).x'), '42');
    assert.equal(value('import /alias'), '{ x = 42; }');
    assert.equal(value('import "/d/y.nix"'), '42');
    assert.equal(error('import /none'), "path '/none' does not exist");
    assert.equal(error('import /loop'), "too many symbolic links encountered while traversing the path '/loop'");
    assert.equal(error('import /broken.nix'), "syntax error, unexpected ';'");
    assert.equal(error('import "relative"'), "string 'relative' doesn't represent an absolute path");
  });

  test('scopedImport: names beside those that every expression has', () => {
    assert.equal(value('scopedImport { given = 1; } /scoped.nix'), '2');
    assert.equal(error('scopedImport { } /scoped.nix'), "undefined variable 'given'");
  });

  test('readFile, readFileType, pathExists, readDir', () => {
    assert.equal(value('builtins.readFile /link'), '"hello"');
    assert.match(error('builtins.readFile /nul'), /^the contents of the file '\/nul' cannot be represented/);
    assert.equal(value('map builtins.readFileType [ /d /link /d/text ]'), '[ "directory" "symlink" "regular" ]');
    assert.equal(error('builtins.readFileType /none'), "path '/none' does not exist");
    const paths = '[ /d "/d/" "/d/text/" /none /link "/link/." /loop ]';
    assert.equal(value(`map builtins.pathExists ${paths}`), '[ true true false false true false true ]');
    assert.equal(value('builtins.readDir /d'), '{ "default.nix" = "regular"; text = "regular"; "y.nix" = "regular"; }');
  });

  test('hashFile, baseNameOf, dirOf, toPath', () => {
    assert.equal(value('builtins.hashFile "md5" /d/text'), '"5d41402abc4b2a76b9719d911017c592"');
    assert.equal(value('map baseNameOf [ "/a/b/" "a" "" "/" /a/b ]'), '[ "b" "a" "" "" "b" ]');
    assert.equal(value('map dirOf [ "/a/b" "a" "/a" /a/b ]'), '[ "/a" "." "/" /a ]');
    assert.equal(value('builtins.toPath "/a//b/../c/"'), '"/a/c"');
  });

  test('the search path: entries in order, internal files last', () => {
    const searchPath = [
      { prefix: '', path: '/none' },
      { prefix: 'p', path: '/d' },
    ];
    const io = memoryEvalIO(files);
    assert.deepEqual(evaluateText('[ <p/text> <p> ]', { io, searchPath }), { value: '[ /d/text /d ]' });
    assert.deepEqual(
      io.said.map(({ text }) => text.replaceAll(/\x1b\[[0-9;]*m/g, '')),
      ["Nix search path entry '/none' does not exist, ignoring"],
    );
    const message = "file 'q' was not found in the Nix search path (add it using $NIX_PATH or -I)";
    assert.equal(error('<q>', { searchPath: [] }), message);
    assert.equal(value('(builtins.tryEval <q>).success'), 'false');
    assert.equal(value('builtins.isFunction (import <nix/fetchurl.nix>)'), 'true');
  });

  test('what is copied to the store: paths in strings, toFile, path', () => {
    const io = memoryEvalIO(files);
    const found = evaluateText(
      '[ "${/d/text}" (builtins.toFile "a" "b") (builtins.path { path = /link; name = "c"; }) ]',
      { io },
    );
    assert.ok('value' in found);
    assert.equal(found.value, `[ ${io.wanted.map(path => `"/nix/store/${path}"`).join(' ')} ]`);
    assert.match(error('builtins.path { }'), /^missing required 'path' attribute/);
    assert.match(error('builtins.path { path = /d/text; x = 1; }'), /^unsupported argument 'x' to 'builtins.path'/);
    const drv = 'derivation { name = "a"; system = "b"; builder = "c"; }';
    assert.match(
      error(`builtins.toFile "a" "\${${drv}}"`),
      /^files created by builtins.toFile may not reference derivations/,
    );
    assert.equal(error('"${/x.drv}"'), "file names are not allowed to end in '.drv'");
  });
});

describe('evaluation that must not see all of the world', () => {
  const pure = { purity: 'pure', searchPath: [{ prefix: '', path: '/d' }] } as const;

  test('pure: no files, search path, environment, time or system', () => {
    const where = "is forbidden in pure evaluation mode (use '--impure' to override)";
    assert.equal(error('builtins.readFile /d/text', pure), `access to absolute path '/d/text' ${where}`);
    assert.equal(error('<text>', pure), "cannot look up '<text>' in pure evaluation mode (use '--impure' to override)");
    assert.deepEqual(evaluateText('[ (builtins ? currentTime) (builtins ? currentSystem) ]', pure), {
      value: '[ false false ]',
    });
    assert.equal(error('builtins.storePath /d', pure), "'builtins.storePath' is not allowed in pure evaluation mode");
    assert.equal(
      error('builtins.fetchurl "https://x.y/z"', pure),
      "in pure evaluation mode, 'fetchurl' requires a 'sha256' argument",
    );
  });

  test('restricted: what the search path has, and what may be fetched', () => {
    const restricted = { purity: 'restricted', searchPath: [{ prefix: '', path: '/d' }] } as const;
    assert.equal(
      error('builtins.readFile /link', restricted),
      "access to absolute path '/link' is forbidden in restricted mode",
    );
    const io = memoryEvalIO(files);
    assert.deepEqual(evaluateText('builtins.pathExists /link', { ...restricted, io }), { value: 'false' });
    assert.deepEqual(evaluateText('builtins.readFile <text>', { ...restricted, io }), { value: '"hello"' });
    const fetched = 'builtins.fetchurl "https://x.y/z"';
    assert.equal(error(fetched, restricted), "access to URI 'https://x.y/z' is forbidden in restricted mode");
    assert.match(error(fetched, { ...restricted, allowedUris: ['https://x.y/'] }), /Firn does not fetch/);
  });
});

describe('what an evaluation says', () => {
  test('traces, warnings, and warnings as errors', () => {
    const io = memoryEvalIO();
    evaluateText('builtins.trace { a = 1; } (builtins.warn "w" (builtins.traceVerbose "v" 1))', { io });
    assert.deepEqual(io.said, [
      { kind: 'trace', text: '{ a = 1; }' },
      { kind: 'program-warning', text: 'w' },
    ]);
    const message = 'aborting to reveal stack trace of warning, as abort-on-warn is set';
    assert.equal(error('builtins.warn "w" 1', { abortsOnWarning: true }), message);
  });

  test('builtins of experimental features are there with them alone', () => {
    assert.deepEqual(evaluateText('builtins ? fetchTree'), { value: 'false' });
    assert.deepEqual(evaluateText('builtins ? fetchTree', { features: new Set(['fetch-tree']) }), { value: 'true' });
    assert.match(error('builtins.getFlake "a"'), /^experimental Nix feature 'flakes' is disabled/);
  });
});
