import { byteStringFromText, displayBytes, magenta, normal, red } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivationOptions,
  isBuiltinBuilder,
  requiredSystemFeatures,
} from '../../nix-compat/index.ts';
import type { BuildSettings } from './build-settings.ts';
import { findExternalBuilder } from './external-builder.ts';

/** Why this machine does not build such derivations, in C++ Nix's words for what comes after `Cannot build '…'.`. */
export function findObstacle(
  derivation: BasicDerivation,
  options: DerivationOptions<unknown>,
  settings: Pick<BuildSettings, 'system' | 'extraPlatforms' | 'systemFeatures' | 'externalBuilders'>,
): string | undefined {
  if (findExternalBuilder(derivation, settings) !== undefined) return undefined;
  const reasons: string[] = [];
  const platform = displayBytes(derivation.platform);
  if (platform !== settings.system && !settings.extraPlatforms.has(platform) && !isBuiltinBuilder(derivation)) {
    reasons.push(
      `Reason: ${red}platform mismatch${normal}\n` +
        `Required system: '${magenta}${platform}${normal}'\n` +
        `Current system: '${magenta}${settings.system}${normal}'`,
    );
  }
  const required = requiredSystemFeatures(options, derivation);
  const available = new Set([...settings.systemFeatures].map(byteStringFromText));
  if ([...required].some(feature => !available.has(feature))) {
    reasons.push(
      `Reason: ${red}missing system features${normal}\n` +
        `Required features: {${listFeatures([...required].map(displayBytes))}}\n` +
        `Available features: {${listFeatures(settings.systemFeatures)}}`,
    );
  }
  return reasons.length === 0 ? undefined : reasons.join('\n');
}

function listFeatures(features: Iterable<string>): string {
  return [...features].toSorted().join(', ');
}
