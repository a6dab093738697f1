import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const programCount = 100;

/** The machine's C compiler with its headers and programs to compile: all but the libraries that its own programs need. */
export function makeCompiler(to: string): void {
  const ask = (...args: string[]) => execFileSync('gcc', args, { encoding: 'utf8' }).trim();
  for (const each of ['bin', 'sources']) mkdirSync(join(to, each), { recursive: true });
  for (const program of ['gcc', 'as']) {
    copyFileSync(
      execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
      join(to, 'bin', program),
    );
  }
  const library = join(ask('-print-prog-name=cc1'), '..');
  cpSync(library, join(to, 'lib/gcc', ask('-dumpmachine'), ask('-dumpversion')), {
    recursive: true,
    dereference: true,
  });
  cpSync('/usr/include', join(to, 'include'), { recursive: true, dereference: true });
  const headers = ['stdio', 'stdlib', 'string', 'math', 'errno', 'unistd', 'sys/types', 'sys/stat', 'pthread', 'time'];
  const includes = headers.map(header => `#include <${header}.h>\n`).join('');
  for (let i = 0; i < programCount; i++) {
    const main = `int main(int argc, char **argv) { return printf("%d %s\\n", argc + ${i}, argv[0]) < 0; }\n`;
    writeFileSync(join(to, 'sources', `${i}.c`), includes + main);
  }
}

/** What compiles all of them, one after the other, to files in `objects`, which is made. */
export function compileAll(path: string, objects: string): readonly [string, ...string[]] {
  const script = `
    mkdir -p "$2"
    own=$(echo "$1"/lib/gcc/*/*); machine=$(basename "$(dirname "$own")")
    for source in "$1"/sources/*.c; do
      "$1/bin/gcc" -B "$1/bin" -nostdinc -isystem "$own/include" -isystem "$1/include" -isystem "$1/include/$machine" \
        -c -O1 -o "$2/out.o" "$source" || exit 1
    done`;
  return ['sh', '-c', script, 'sh', path, objects];
}
