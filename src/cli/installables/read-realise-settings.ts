import type { RealiseSettings } from '../../engine/index.ts';
import type { InvocationSettings } from '../settings/invocation-settings.ts';

/** Of the settings, what realising depends on. */
export function readRealiseSettings(settings: InvocationSettings): RealiseSettings {
  return {
    keepGoing: settings.get('keep-going'),
    fallback: settings.get('fallback'),
    substitute: settings.get('substitute'),
    alwaysAllowSubstitutes: settings.get('always-allow-substitutes'),
    recordsRealisations: settings.isEnabled('ca-derivations'),
    maxSubstitutionJobs: Math.max(1, settings.get('max-substitution-jobs')),
  };
}
