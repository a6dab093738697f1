/**
 * Stores over stores: `local-overlay://` over an overlayfs that is really mounted, in a namespace of its own, over stores of
 * ours and of C++ Nix's.
 *
 *     PEER_BINDIR=/path/to/nix/bin scripts/test test/e2e/local-overlay.test.ts
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type NixSide, derivationsWith, firn, nixPeers } from './nix-peers.ts';
import { OverlayRig, overlayObstacle } from './overlay-rig.ts';

const derivations = derivationsWith(`
  linked = make "linked" "echo building-linked; echo \${base} > $out";
  over = make "over" "read x < \${linked}; echo \${linked} $x > $out";
`);

const linesOf = (text: string) => text.split('\n').filter(line => line !== '');
const baseName = (path: string) => path.slice('/nix/store/'.length);

const [peer] = nixPeers;

for (const side of [firn, ...(peer === undefined ? [] : [peer])]) {
  describe(`over a store of ${side.name}`, { skip: overlayObstacle || side.skip }, () => {
    let rig: OverlayRig;
    /** Of `linked`, which the lower store has, with what it refers to. */
    let linked: string;
    let base: string;
    let file: string;

    const build = (by: NixSide, store: string, attribute: string) =>
      rig.succeed(by, 'nix-build', file, '-A', attribute, '--no-out-link', '--store', store);
    const overlay = (program: string, ...args: readonly string[]) =>
      rig.succeed(firn, program, '--store', rig.overlay, ...args);
    const refused = (program: string, ...args: readonly string[]) =>
      rig.fail(firn, program, '--store', rig.overlay, ...args);

    before(async () => {
      rig = await OverlayRig.start();
      file = rig.write('default.nix', derivations);
      linked = build(side, rig.lower, 'linked');
      base = build(side, rig.lower, 'base');
    });

    after(() => rig?.[Symbol.asyncDispose]());

    test('what it has is valid, and is neither built nor added again', () => {
      const closure = overlay('nix-store', '--query', '--requisites', linked);
      assert.equal(closure, rig.succeed(side, 'nix-store', '--store', rig.lower, '--query', '--requisites', linked));
      assert.deepEqual(linesOf(closure), [base, linked]);
      assert.equal(build(firn, rig.overlay, 'linked'), linked);
      assert.deepEqual(rig.upper(), []);
      assert.equal(overlay('nix-store', '--query', '--referrers', base), linked);
      overlay('nix-store', '--verify-path', linked);
      overlay('nix-store', '--verify', '--check-contents');
      assert.match(overlay('nix', 'log', linked), /^building-linked$/m);
    });

    test('builds and additions go to the upper layer, and from there again by collections', () => {
      const over = build(firn, rig.overlay, 'over');
      assert.ok(rig.upper().includes(baseName(over)));
      assert.ok(!rig.upper().includes(baseName(linked)));
      assert.equal(overlay('nix', 'store', 'cat', over), `${linked} ${base}`);
      assert.match(refused('nix-store', '--delete', linked), /Cannot delete path/);
      const added = overlay('nix-store', '--add', rig.write('text', 'hello\n'));
      assert.ok(rig.upper().includes(baseName(added)));
      overlay('nix-store', '--verify', '--check-contents');
      overlay('nix-store', '--gc');
      assert.deepEqual(rig.upper(), []);
      assert.equal(overlay('nix-store', '--check-validity', '--print-invalid', over, linked), over);
      assert.equal(rig.shell(`cat ${rig.at('stores/merged')}${linked}`), `${base}\n`);
    });

    test('what both layers have leaves the upper one alone, which is mounted anew', () => {
      const copies = ['first', 'second'].map(name => {
        const text = rig.write(name, `${name}\n`);
        const path = overlay('nix-store', '--add', text);
        assert.equal(rig.succeed(side, 'nix-store', '--store', rig.lower, '--add', text), path);
        return path;
      });
      rig.remount();
      const [first = '', second = ''] = copies;
      assert.deepEqual(
        rig
          .upper()
          .filter(name => !name.endsWith('.drv'))
          .toSorted(),
        copies.map(baseName).toSorted(),
      );
      overlay('nix-store', '--delete', first);
      assert.ok(!rig.upper().includes(baseName(first)));
      assert.equal(rig.shell(`cat ${rig.at('stores/merged')}${first}`), 'first\n');
      overlay('nix-store', '--optimise');
      assert.ok(!rig.upper().includes(baseName(second)));
      assert.equal(overlay('nix', 'store', 'cat', second), 'second');
      overlay('nix-store', '--verify', '--check-contents');
    });

    test('a collection takes folders of either kind', () => {
      const trees = ['both', 'above'].map(name => {
        rig.shell(`mkdir -p ${rig.at(name)}/sub && echo ${name} > ${rig.at(name)}/sub/file`);
        return overlay('nix-store', '--add', rig.at(name));
      });
      const [both = '', above = ''] = trees;
      assert.equal(rig.succeed(side, 'nix-store', '--store', rig.lower, '--add', rig.at('both')), both);
      rig.remount();
      const { status, stderr } = rig.run(firn, ['nix-store', '--store', rig.overlay, '--gc']);
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /warning/);
      assert.deepEqual(
        rig
          .shell(`ls -A ${rig.at('stores/upper')}`)
          .split('\n')
          .filter(name => name !== '.links'),
        [''],
      );
      assert.equal(rig.shell(`cat ${rig.at('stores/merged')}${both}/sub/file`), 'both\n');
      assert.equal(overlay('nix-store', '--check-validity', '--print-invalid', both, above), above);
    });

    test('closures are copied from it and to it', () => {
      const there = rig.at('stores/copy');
      rig.succeed(firn, 'nix', 'copy', '--no-check-sigs', '--from', rig.overlay, '--to', there, linked);
      rig.succeed(firn, 'nix-store', '--store', there, '--verify', '--check-contents');
      const over = build(firn, there, 'over');
      rig.succeed(firn, 'nix', 'copy', '--no-check-sigs', '--from', there, '--to', rig.overlay, over);
      assert.deepEqual(
        rig.upper().filter(name => !name.endsWith('.drv')),
        [baseName(over)],
      );
      overlay('nix-store', '--gc');
    });

    test('a daemon keeps it, or the lower store', async () => {
      await using daemon = await rig.serve(firn, rig.overlay, rig.at('stores/merged'));
      const over = build(side, daemon.uri, 'over');
      assert.ok(rig.upper().includes(baseName(over)));
      const references = rig.succeed(side, 'nix-store', '--store', daemon.uri, '--query', '--references', over);
      assert.deepEqual(linesOf(references), [base, linked]);
      rig.succeed(side, 'nix-store', '--store', daemon.uri, '--gc');
      assert.deepEqual(rig.upper(), []);

      await using below = await rig.serve(side, rig.lower, rig.lower);
      assert.equal(build(firn, rig.over(below.uri), 'over'), over);
      assert.ok(!rig.upper().includes(baseName(linked)));
      rig.succeed(firn, 'nix-store', '--store', rig.over(below.uri), '--gc');
    });

    test('another mount than its URI says is refused', () => {
      const elsewhere = rig.overlay.replace('/stores/upper', '/stores/other');
      const message = rig.fail(firn, 'nix', 'store', 'info', '--store', elsewhere);
      assert.match(message, /overlay filesystem ".*\/merged\/nix\/store" mounted incorrectly/);
      rig.succeed(firn, 'nix', 'store', 'info', '--store', `${elsewhere}&check-mount=false`);
    });

    test('contents of the lower layer that are damaged are had anew, in the upper one', () => {
      const backup = rig.at('stores/backup');
      const text = rig.write('fragile', 'fragile\n');
      const path = rig.succeed(side, 'nix-store', '--store', rig.lower, '--add', text);
      assert.equal(rig.succeed(firn, 'nix-store', '--store', backup, '--add', text), path);
      rig.shell(`chmod u+w ${rig.lower}${path} && echo damaged > ${rig.lower}${path}`);
      rig.remount();
      overlay('nix-store', '--check-validity', path);
      assert.match(refused('nix-store', '--verify', '--check-contents'), /was modified! expected hash/);
      const options = ['--option', 'substituters', backup, '--option', 'require-sigs', 'false'];
      overlay('nix-store', '--verify', '--check-contents', '--repair', ...options);
      assert.equal(rig.shell(`cat ${rig.at('stores/merged')}${path}`), 'fragile\n');
      assert.equal(rig.shell(`cat ${rig.lower}${path}`), 'damaged\n');
      overlay('nix-store', '--verify', '--check-contents');
    });
  });
}
