import { unreachable } from '../../base/index.ts';
import type { ExperimentalFeature } from './experimental-features.ts';
import type { ConfigOrigin } from './nix-conf.ts';

/** What is odd about an assignment, but no reason to refuse it. */
export type ConfigWarning =
  | { readonly kind: 'unknown-setting'; readonly name: string; readonly origin: ConfigOrigin }
  | {
      readonly kind: 'feature-disabled';
      readonly name: string;
      readonly feature: ExperimentalFeature;
      readonly origin: ConfigOrigin;
    }
  | { readonly kind: 'unknown-feature'; readonly feature: string; readonly origin: ConfigOrigin }
  | {
      readonly kind: 'deprecated-setting';
      readonly name: string;
      /** The assignment to write instead. */
      readonly instead: string;
      readonly origin: ConfigOrigin;
    };

/** In the words of C++ Nix. */
export function formatConfigWarning(warning: ConfigWarning): string {
  switch (warning.kind) {
    case 'unknown-setting':
      return `unknown setting '${warning.name}'`;
    case 'feature-disabled':
      return `Ignoring setting '${warning.name}' because experimental feature '${warning.feature}' is not enabled`;
    case 'unknown-feature':
      return warning.feature === 'no-url-literals'
        ? "experimental feature 'no-url-literals' has been stabilized and renamed; use 'lint-url-literals = fatal' setting instead"
        : `unknown experimental feature '${warning.feature}'`;
    case 'deprecated-setting':
      return `'${warning.name}' is deprecated, use '${warning.instead}' instead`;
    default:
      return unreachable(warning);
  }
}
