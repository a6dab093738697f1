/** Commands of a prompt with what they do, as `:?` lists them. */
const commands: readonly (readonly [usage: string, summary: string])[] = [
  ['<expr>', 'Evaluate an expression and print its value'],
  ['<x> = <expr>', 'Define a variable; also inherit (<expr>) <x>'],
  [':a, :add <expr>', 'Make the attributes of a set variables'],
  [':b <expr>', 'Build a derivation'],
  [':bl <expr>', 'Build a derivation, and link to its outputs from here'],
  [':e, :edit <expr>', 'Open a package, function or file in $EDITOR'],
  [':i <expr>', 'Build a derivation and install it into the profile'],
  [':l, :load <path>', "Make the attributes of a file's value variables"],
  [':lf, :load-flake <ref>', "Make a flake's outputs variables"],
  [':ll, :last-loaded', 'List the variables that were loaded last'],
  [':p, :print <expr>', 'Print a value with all that it contains; strings as they are'],
  [':q, :quit', 'Leave'],
  [':r, :reload', 'Load all files and flakes again'],
  [':sh <expr>', 'Build what a derivation needs and start a shell'],
  [':t <expr>', 'Say what type a value has'],
  [':u <expr>', 'Build a derivation and start a shell that has it'],
  [':doc <expr>', 'Show the documentation of a builtin or function'],
  [':log <expr>', "Show the log of a derivation's build"],
  [':te, :trace-enable [bool]', 'Show the traces of errors in full, or no longer'],
  [':?, :help', 'Show this'],
];

const debuggerCommands: readonly (readonly [usage: string, summary: string])[] = [
  [':env', 'Show the variables of the place that is looked at'],
  [':bt, :backtrace', 'Show what is being evaluated, innermost first'],
  [':st [index]', 'Look at the place with that number of :bt'],
  [':c, :continue', 'Go on to the next break or error'],
  [':s, :step', 'Go on to the next expression'],
];

const width = 29;

export function helpText(isDebugging: boolean): string {
  const own = `The following commands are available:\n\n${table(commands)}`;
  return isDebugging ? `${own}\nAnd while an evaluation waits:\n\n${table(debuggerCommands)}` : own;
}

function table(rows: typeof commands): string {
  return rows.map(([usage, summary]) => `  ${usage.padEnd(width)}${summary}\n`).join('');
}
