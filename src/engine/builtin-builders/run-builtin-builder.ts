import { displayBytes } from '../../base/index.ts';
import { EngineError } from '../error.ts';
import type { BuiltinBuild, BuiltinBuilder } from './builtin-builder.ts';
import { buildenv } from './buildenv.ts';
import { fetchurl } from './fetchurl.ts';
import { unpackChannel } from './unpack-channel.ts';

const builders: ReadonlyMap<string, BuiltinBuilder> = new Map([
  ['builtin:buildenv', buildenv],
  ['builtin:fetchurl', fetchurl],
  ['builtin:unpack-channel', unpackChannel],
]);

/** Runs the `builtin:` builder that the derivation names; see `BuiltinBuilder`. Throws `builtin/unknown`. */
export async function runBuiltinBuilder(build: BuiltinBuild): Promise<void> {
  build.signal.throwIfAborted();
  const name = displayBytes(build.derivation.builder);
  const builder = builders.get(name);
  if (builder === undefined) {
    throw new EngineError('builtin/unknown', `unsupported builtin builder '${name.replace(/^builtin:/, '')}'`);
  }
  await builder(build);
}
