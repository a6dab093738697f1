import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { defaultLockFlags, runGit } from '../../engine/index.ts';
import { callFlake, coerceToPath } from '../../eval/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Positional } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { AttributeCursor } from '../flakes/attribute-cursor.ts';
import { completeFlake } from '../flakes/complete-flake.ts';
import { copyTemplate } from '../flakes/copy-template.ts';
import { findAttributes, parseFlakeInstallable } from '../installables/flake-installable.ts';
import { outputsOf } from '../installables/flake-roots.ts';
import { absolutePath } from '../paths.ts';
import { renderMarkdown } from '../repl/markdown.ts';

/** Columns, where nobody says how many there are. */
const defaultWidth = 80;

const templateAttributes = { defaults: ['templates.default', 'defaultTemplate'], prefixes: ['templates.'] };

/** `nix flake init` */
export function flakeInit(context: CommandContext): Command {
  return fromTemplate(context, 'Makes a flake in the working folder from a template.', {
    positionals: [],
    folder: () => byteStringFromText('.'),
  });
}

/** `nix flake new` */
export function flakeNew(context: CommandContext): Command {
  let folder = byteStringFromText('.');
  return fromTemplate(context, 'Makes a flake in a folder from a template.', {
    positionals: [{ label: 'dest-dir', arity: 1, complete: completePath, apply: given => (folder = given) }],
    folder: () => folder,
  });
}

interface Place {
  readonly positionals: readonly Positional[];
  readonly folder: () => ByteString;
}

function fromTemplate(context: CommandContext, summary: string, { positionals, folder }: Place): Command {
  const from = noArguments();
  let template = byteStringFromText('templates');
  return {
    summary,
    flags: [
      ...evaluationFlags(from),
      {
        long: 'template',
        short: 't',
        labels: ['template'],
        summary: "The template; 'templates' of the registry unless given.",
        complete: completeFlake(context),
        apply: given => (template = given),
      },
    ],
    positionals,
    run: async () => {
      context.settings.require('flakes');
      const target = absolutePath(folder());
      await using evaluation = new Evaluation(context, from);
      const { path, welcome } = await findTemplate(evaluation, template);
      const { log, signal } = context;
      const { changed, conflicts } = copyTemplate(evaluation.evaluator.io, log, path, target);
      const place = displayBytes(target);
      if (changed.length > 0 && existsSync(join(place, '.git'))) {
        await runGit(['add', '--intent-to-add', '--force', '--', ...changed], { folder: place, signal });
      }
      if (welcome !== undefined) {
        log.log('notice', '\n');
        log.log(
          'notice',
          renderMarkdown(welcome, { colours: log.colours, width: process.stdout.columns ?? defaultWidth }),
        );
      }
      if (conflicts > 0) throw new CliError('flake/conflicts', `encountered ${conflicts} conflicts - see above`);
    },
  };
}

async function findTemplate(evaluation: Evaluation, text: ByteString) {
  const { context, flakes, evaluator } = evaluation;
  const installable = parseFlakeInstallable(text, templateAttributes, context);
  const locked = await flakes.lock(installable.reference, { ...defaultLockFlags, writes: false, appliesConfig: true });
  const root = callFlake(evaluator, flakes.toCall(locked));
  return evaluation.perform(() => {
    const [found] = findAttributes(evaluator, outputsOf(evaluator, root), installable);
    if (found === undefined) throw new TypeError('an attribute was found, or none');
    const cursor = new AttributeCursor(evaluator, found.value, found.path.split('.'));
    const { value } = cursor.get('path');
    const path = evaluator.files.resolve(evaluator.run(() => coerceToPath(evaluator, value, '')).path);
    return { path, welcome: cursor.find('welcomeText')?.text() };
  });
}
