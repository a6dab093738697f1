import { displayBytes, byteStringFromText } from '../../base/index.ts';
import {
  type BasicDerivation,
  type DerivationOptions,
  derivationTypeOf,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { BuildJob } from '../build/derivation-builder.ts';
import type { BuildSettings } from '../build/build-settings.ts';
import { BuildError } from '../error.ts';
import type { NestedMode, NestedRealising, NestedServer } from './nested-store.ts';

/** A builder that may use Nix, as C++ Nix names the system feature. */
const buildFeature = byteStringFromText('recursive-nix');

/** A builder that adds its outputs to the store itself, as C++ Nix from 2.35 on names the system feature. */
const submitFeature = byteStringFromText('builder-rpc-v0');

/** What a builder may do with the store, if anything. */
export function nestedModeOf({
  requiredSystemFeatures: features,
}: Pick<DerivationOptions<unknown>, 'requiredSystemFeatures'>): NestedMode | undefined {
  if (features.has(submitFeature)) return 'submit';
  return features.has(buildFeature) ? 'build' : undefined;
}

/** Throws `BuildError` where a derivation may not have what it asks for. */
export function requireNested(
  { storeDir }: Pick<LocalStore, 'storeDir'>,
  { path, derivation }: Pick<BuildJob, 'path'> & { readonly derivation: BasicDerivation },
  { mode, settings }: { readonly mode: NestedMode; readonly settings: Pick<BuildSettings, 'nestedModes'> },
): void {
  if (!settings.nestedModes.has(mode)) {
    const feature = mode === 'build' ? 'recursive-nix' : 'dynamic-derivations';
    const message = `experimental Nix feature '${feature}' is disabled; add '--extra-experimental-features ${feature}' to enable it`;
    throw new BuildError('InputRejected', message);
  }
  const type = derivationTypeOf(derivation);
  if (mode === 'submit' && type !== 'floating' && type !== 'fixed') {
    const printed = displayBytes(printStorePath(storeDir, path));
    const message = `The builder-rpc-v0 feature may only be used with content-addressing derivations, which '${printed}' is not`;
    throw new BuildError('InputRejected', message);
  }
}

/** Who serves the builder of `path`, and makes valid what it wants. Throws `BuildError` where nobody does. */
export function requireServed(
  { storeDir }: Pick<LocalStore, 'storeDir'>,
  { path }: Pick<BuildJob, 'path'>,
  { server, realising }: { readonly server: NestedServer | undefined; readonly realising: NestedRealising | undefined },
): { readonly server: NestedServer; readonly realising: NestedRealising } {
  if (server !== undefined && realising !== undefined) return { server, realising };
  const printed = displayBytes(printStorePath(storeDir, path));
  throw new BuildError('InputRejected', `builders cannot use Nix here, as that of '${printed}' is to`);
}
