import { displayBytes, magenta, normal, red } from '../../base/index.ts';
import {
  type BasicDerivation,
  type StoreDir,
  type StorePath,
  outputPath,
  printStorePath,
} from '../../nix-compat/index.ts';

/** A derivation that cannot be built, for messages. */
export interface Unbuildable {
  readonly path: StorePath;
  readonly derivation: BasicDerivation;
}

/** `Cannot build '...'.`, the reason and, as far as they are known, the outputs that there will not be. */
export function cannotBuild(storeDir: StoreDir, { path, derivation }: Unbuildable, reason: string): string {
  const { name } = derivation;
  const outputs = Array.from(derivation.outputs, ([output, of]) => outputPath(of, output, { name, storeDir }));
  const known = outputs.filter(each => each !== undefined).toSorted();
  const lines = [
    `Cannot build '${magenta}${displayBytes(printStorePath(storeDir, path))}${normal}'.`,
    `Reason: ${red}${reason}${normal}.`,
  ];
  if (known.length > 0) lines.push('Output paths:');
  for (const each of known) lines.push(`  ${magenta}${displayBytes(printStorePath(storeDir, each))}${normal}`);
  return lines.join('\n');
}
