import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Side } from '../framework/comparison.ts';
import { type ReapiServer, makeServerFolder, peerProgram, serveCasd, serveFirn } from '../framework/reapi-servers.ts';

const count = 500;

/** Bazel, whose outputs were removed, with a remote cache that has all of them. */
export const cachedBazelBuildComparison: Comparison = {
  title: 'a warm bazel build',
  workload: `${count} genrules, all in the remote cache; includes removing their outputs`,
  pairs: 5,
  bytesPerRun: 1_000_000,
  async prepare(workspace) {
    const folder = (...names: string[]) => makeServerFolder(join(workspace.folder, ...names));
    const stack = new DisposableStack();
    const side = (name: string, command: string, server: ReapiServer): Side => {
      const { port } = stack.use(server);
      const project = folder(name, 'project');
      writeProject(project);
      const bazel = peerProgram('bazel', `--output_user_root=${folder(name, 'root')}`);
      const flags = ['--noenable_bzlmod', '--enable_workspace', '--noshow_progress', '--color=no'];
      const cache = `--remote_cache=grpc://127.0.0.1:${port}`;
      const quoted = (words: readonly string[]) => words.map(word => `'${word}'`).join(' ');
      const [clean, build] = [
        [...bazel, 'clean'],
        [...bazel, 'build', ...flags, cache, '//...'],
      ];
      const script = `cd '${project}' && ${quoted(clean)} && ${quoted(build)} >/dev/null 2>&1 && cat bazel-bin/g499.txt`;
      // Fills the cache.
      execFileSync('/bin/sh', ['-c', script], { stdio: 'ignore' });
      stack.defer(() => void execFileSync('/bin/sh', ['-c', `cd '${project}' && ${quoted([...bazel, 'shutdown'])}`]));
      return {
        command,
        invoke: () => ({ argv: ['/bin/sh', '-c', `(${script}) 2>/dev/null`], env: { HOME: project } }),
      };
    };
    return {
      sides: {
        casd: side('casd', 'bazel build, buildbox-casd', await serveCasd(folder('casd-data'), 2)),
        Firn: side('firn', 'bazel build, firn serve', await serveFirn(workspace, folder('firn-data'))),
      },
      figures: [{ name: 'time', kind: 'ratio', of: 'Firn', against: 'casd', bar: 1.1 }],
      close: () => stack.dispose(),
    };
  },
};

function writeProject(project: string): void {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'WORKSPACE'), '');
  const rule = (at: number) => `genrule(name = "g${at}", outs = ["g${at}.txt"], cmd = "echo ${at} > $@")\n`;
  writeFileSync(join(project, 'BUILD'), Array.from({ length: count }, (_, at) => rule(at)).join(''));
}
