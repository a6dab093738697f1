import { formatFlakeRef } from '../../eval/index.ts';
import { formatJson } from '../../nix-compat/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { AttributeCursor } from '../flakes/attribute-cursor.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';
import { OutputVisitor } from '../flakes/output-visitor.ts';
import { outputsOf } from '../installables/flake-roots.ts';
import { bold, normal } from '../render/ansi.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix flake show` */
export function flakeShow(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  let showsLegacy = false;
  let showsAllSystems = false;
  let isJson = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Shows what a flake has.',
    flags: [
      ...wanted.flags,
      switchFlag('legacy', 'Show what legacyPackages has.', () => (showsLegacy = true)),
      switchFlag('all-systems', 'Show what there is for all systems.', () => (showsAllSystems = true)),
      switchFlag('json', 'Print JSON.', () => (isJson = true)),
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      const { log, out, settings } = context;
      settings.presume('allow-import-from-derivation', 'false');
      const { root, locked } = await wanted.root();
      const evaluation = wanted.evaluation();
      const { evaluator } = evaluation;
      const options = { system: settings.get('system'), showsLegacy, showsAllSystems, isJson, reporter: log };
      const title = `${bold}${formatFlakeRef(locked.flake.locked)}${normal}`;
      let visitor = new OutputVisitor(options);
      try {
        const json = await evaluation.perform(() => {
          // Begun anew where the evaluation waited.
          visitor = new OutputVisitor(options);
          return visitor.visit(new AttributeCursor(evaluator, outputsOf(evaluator, root)), title);
        });
        if (isJson) out.byteLine(formatJson(json, pretty ? 2 : undefined));
      } finally {
        for (const warning of visitor.warnings) log.warn(warning);
        if (!isJson) for (const line of visitor.lines) out.line(line);
      }
      await evaluation.commit();
    },
  };
}
