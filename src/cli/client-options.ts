import { type ByteString, byteStringFromText, verbosityRank } from '../base/index.ts';
import type { ClientOptions } from '../nix-compat/index.ts';
import type { CommandContext } from './command.ts';

/** What has a place of its own in a client's options. */
const own: ReadonlySet<string> = new Set([
  'keep-failed',
  'keep-going',
  'fallback',
  'max-jobs',
  'max-silent-time',
  'cores',
  'substitute',
]);

/** What is no matter of a store: of evaluations, of what fetches for them, of flakes, and of what is shown. */
const notOfStores: ReadonlySet<string> = new Set([
  'abort-on-warn',
  'accept-flake-config',
  'access-tokens',
  'allow-dirty',
  'allow-dirty-locks',
  'allow-import-from-derivation',
  'allow-unsafe-native-code-during-evaluation',
  'allowed-uris',
  'bash-prompt',
  'bash-prompt-prefix',
  'bash-prompt-suffix',
  'commit-lock-file-summary',
  'debugger-on-trace',
  'debugger-on-warn',
  'eval-cache',
  'eval-profile-file',
  'eval-profiler',
  'eval-profiler-frequency',
  'eval-system',
  'experimental-features',
  'flake-registry',
  'ignore-try',
  'json-log-path',
  'lint-absolute-path-literals',
  'lint-short-path-literals',
  'lint-url-literals',
  'max-call-depth',
  'nix-path',
  'plugin-files',
  'pure-eval',
  'restrict-eval',
  'show-trace',
  'store',
  'trace-function-calls',
  'trace-import-from-derivation',
  'trace-verbose',
  'trust-tarballs-from-git-forges',
  'use-registries',
  'use-xdg-base-directories',
  'warn-dirty',
  'warn-short-path-literals',
]);

/** What a daemon is told of the settings of this invocation: those that somebody chose, beside the usual ones. */
export function clientOptionsOf({ settings, log }: CommandContext): ClientOptions {
  const overrides = new Map<ByteString, ByteString>();
  for (const name of settings.overridden().toSorted()) {
    if (own.has(name) || notOfStores.has(name)) continue;
    overrides.set(byteStringFromText(name), byteStringFromText(settings.format(name)));
  }
  return {
    keepFailed: settings.get('keep-failed'),
    keepGoing: settings.get('keep-going'),
    tryFallback: settings.get('fallback'),
    verbosity: verbosityRank(log.verbosity),
    maxBuildJobs: settings.get('max-jobs'),
    maxSilentTime: Number(settings.get('max-silent-time')),
    verboseBuild: true,
    buildCores: settings.get('cores'),
    useSubstitutes: settings.get('substitute'),
    overrides,
  };
}
