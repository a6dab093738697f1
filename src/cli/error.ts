import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const cliErrorCodes = {
  'usage/unrecognised-flag': 'a flag that neither the command nor its parents have',
  'usage/missing-value': 'a flag at the end of the command line that lacks its arguments',
  'usage/unexpected-argument': 'an argument beyond those that the command takes',
  'usage/missing-argument': 'a command line that ends before the arguments that the command needs',
  'usage/missing-flag': 'a flag that the command cannot do without was not given',
  'usage/unknown-command': 'a name that is no command',
  'usage/no-command': 'a command line without a command, or a group of commands without its member',
  'usage/not-one-path': 'results that are more or less than one store path, where a profile is to lead there',
  'usage/not-a-value': 'an installable that is no value of an expression, for a command that works on values',
  'usage/bad-value': 'an argument of a flag that is none of the values it can have',
  'hash/other-format': 'a hash in another format than `--from` promised',
  'usage/several-operations': 'operations of which one invocation does only one',
  'usage/useless-flag': 'flags that exclude each other',
  'usage/terminal': 'bytes that would go to a terminal and mean nothing there',
  'command/absent': 'a command of Nix that this version of Firn does not have',
  'command/interrupted': 'SIGINT, SIGTERM or SIGHUP, while the command could be stopped in an orderly way',
  'feature/disabled': 'an experimental feature that is not enabled',
  'config/no-such-setting': 'a name that is no setting, or none that is in force',
  'config/malformed': 'a file of settings that cannot be read or says what it cannot',
  'derivation/no-output': 'a derivation that does not say which output it stands for',
  'environment/no-home': 'no home directory where one is needed',
  'output/failed': 'standard output or the log cannot be written',
  'output/unknown-format': 'a name that is no format of log output',
  'output/exists': 'a file that is to be written and is there already',
  'output/closed': 'whoever read our standard output has closed it',
  'shell/not-local': 'a store whose paths are not on this machine, where a program of it is to run',
  'shell/not-executable': 'a program that cannot be run',
  'shell/no-namespace': 'a store elsewhere than its paths say, on a machine that cannot show it there',
  'shell/no-environment': 'a derivation whose build environment cannot be had',
  'shell/no-derivation': 'what stands for more or less than one derivation, where a shell of one is wanted',
  'shell/no-file': 'no expression where one is looked for',
  'shell/unterminated-quote': 'a shebang line whose quotes do not end',
  'run/wrong-type': 'a value that is nothing that can be run',
  'run/not-in-store': 'a program or a folder of programs that is not in the store',
  'installable/needs-evaluation': 'what only an evaluator can make store paths of',
  'installable/bad-outputs': 'what follows the caret of an installable and names no outputs',
  'installable/no-derivation': 'a value that makes nothing, where a derivation is wanted',
  'installable/no-deriver': 'a store path whose derivation is wanted and not known',
  'installable/no-such-output': 'an output that a derivation does not have',
  'installable/not-built': 'an output whose store path is not known before it is built',
  'installable/not-one-path': 'arguments that mean more or less than one store path',
  'input/symlink-cycle': 'more symlinks in a row than are followed',
  'derivation/no-binding': 'an environment variable that a derivation does not have',
  'realise/absent': 'a store path that is not valid and can be had from nowhere',
  'realise/failed': 'several store paths that could not be made valid',
  'fetch/absent': 'what this version of Firn cannot fetch',
  'fetch/dirty': 'a work tree that is not as its commit is, where that is not allowed',
  'realise/read-only': 'a store path that is not valid, where nothing is written to the store',
  'realise/needs-building': 'a derivation that would have to be built',
  'definitions/too-many': 'a folder of more expressions than are taken for packages',
  'profile/no-match': 'a name that nothing in a profile has',
  'profile/not-one-package': 'arguments that mean more or less than one package where one is wanted',
  'log/absent': 'a build log that nobody has',
  'usage/not-built': 'outputs whose paths are not known, where these are asked for',
  'store/not-local': 'a store that this process does not keep itself, for what only its keeper can do',
  'download/bad-url': 'a text that is no URL where a file is to be downloaded',
  'download/no-name': 'a URL that does not tell what a file is called',
  'download/wrong-hash': 'a file that has another hash than it should',
  'tree/absent': 'a place in a store path where nothing is',
  'tree/not-a-file': 'a place in a store path that is no plain file',
  'path/bad-hash-part': 'a text that is too long or too short for a hash part',
  'path/absent': 'a hash part that no store path has',
  'input/symlink': 'a path through a symlink where none is followed',
  'input/too-large': 'input beyond the limit of what is asked for',
  'input/failed': 'a file or standard input cannot be read',
  'repl/unknown-command': 'a command that prompts do not have',
  'repl/bad-argument': 'what a command of a prompt cannot be given',
  'repl/nothing-loaded': 'the variables that were loaded last, where none were',
  'repl/no-documentation': 'a value of which there is no documentation',
  'repl/not-a-derivation': 'a value that is no derivation, for a command that takes nothing else',
  'repl/no-place': 'a value that does not say in which file it is',
  'repl/editor-failed': 'an editor that cannot be started or ends badly',
  'repl/needs-prompt': 'a command that cannot be had while an evaluation waits',
  'restore/refused': 'a file, directory or symlink that the system refuses to make',
  'nar/no-such-path': 'a path that is not in the NAR',
  'nar/not-a-file': 'a path in a NAR that is no regular file',
} as const;

export type CliErrorCode = keyof typeof cliErrorCodes;

/** What the commands themselves refuse; codes `usage/...` are answered with a hint at `--help`. */
export class CliError extends FirnError<CliErrorCode> {
  /** What the user may have meant, best first. */
  readonly suggestions: readonly string[];

  constructor(code: CliErrorCode, message: string, options: ErrorOptions & { readonly suggestions?: string[] } = {}) {
    super(code, message, options);
    this.suggestions = options.suggestions ?? [];
  }
}
