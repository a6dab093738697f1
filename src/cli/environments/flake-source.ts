import { byteStringFromText } from '../../base/index.ts';
import type { FlakeSource } from '../../engine/index.ts';
import { formatFlakeRef } from '../../eval/index.ts';
import type { JsonValue, OutputsSpec } from '../../nix-compat/index.ts';
import type { FlakeOrigin } from '../installables/installable.ts';

/** What the manifest of a profile notes of where a package is from. */
export function flakeSourceOf({ original, locked, attributePath, outputs }: FlakeOrigin): FlakeSource {
  return {
    originalUrl: byteStringFromText(formatFlakeRef(original)),
    url: byteStringFromText(formatFlakeRef(locked)),
    attrPath: byteStringFromText(attributePath),
    outputs: outputsAsJson(outputs),
  };
}

function outputsAsJson(outputs: OutputsSpec | undefined): JsonValue {
  if (outputs === undefined) return null;
  return outputs.kind === 'all' ? [byteStringFromText('*')] : [...outputs.names].toSorted();
}
