import { join } from 'node:path';
import { packageFolder } from '../../base/index.ts';
import type { EvaluatorOptions } from '../../eval/index.ts';
import { experimentalFeatures } from '../../nix-compat/index.ts';
import { channelEntries } from '../channel-places.ts';
import type { CommandContext } from '../command.ts';
import type { EvaluationArguments } from './evaluation-arguments.ts';

/** The options of an evaluator that are data: with what it reads, they say what an expression evaluates to. */
export type EvaluatorSettings = Omit<EvaluatorOptions, 'io' | 'observation' | 'debugger'>;

/** As the settings and flags say. */
export function evaluatorSettings(
  context: CommandContext,
  from: EvaluationArguments,
  isReadOnly: boolean,
): EvaluatorSettings {
  const { environment, settings } = context;
  const isPure = settings.get('pure-eval') && from.isImpure !== true;
  const system = settings.get('eval-system') || settings.get('system');
  return {
    isReadOnly,
    ...(isPure ? {} : { system, homePath: environment.home }),
    searchPath: searchPathOf(context, from),
    // Firn's own library for the language.
    library: { prefix: 'firn', path: join(packageFolder(), 'nix') },
    maxCallDepth: settings.get('max-call-depth'),
    showTrace: settings.get('show-trace'),
    features: new Set(experimentalFeatures.filter(feature => settings.isEnabled(feature))),
    purity: isPure ? 'pure' : settings.get('restrict-eval') ? 'restricted' : undefined,
    allowedUris: settings.get('allowed-uris'),
    importFromDerivation: importFromDerivation(context),
    abortsOnWarning: settings.get('abort-on-warn') || /^(?:1|yes|true)$/.test(process.env['NIX_ABORT_ON_WARN'] ?? ''),
    tracesVerbosely: settings.get('trace-verbose'),
    lints: {
      'lint-url-literals': settings.get('lint-url-literals'),
      'lint-absolute-path-literals': settings.get('lint-absolute-path-literals'),
      'lint-short-path-literals': settings.get('lint-short-path-literals'),
    },
  };
}

function importFromDerivation({ settings }: CommandContext) {
  if (!settings.get('allow-import-from-derivation')) return 'refused';
  return settings.get('trace-import-from-derivation') ? 'traced' : 'allowed';
}

function searchPathOf(context: CommandContext, { searchPath }: EvaluationArguments) {
  const { settings } = context;
  return [...searchPath, ...settings.get('nix-path'), ...channelEntries(context)].map(entry => {
    const at = entry.indexOf('=');
    return at < 0 ? { prefix: '', path: entry } : { prefix: entry.slice(0, at), path: entry.slice(at + 1) };
  });
}
