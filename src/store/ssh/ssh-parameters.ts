import { booleanType, int32Type, optionalAbsolutePathType, stringType } from '../../nix-compat/index.ts';
import type { StoreRequest } from '../open-store.ts';
import { type StoreTraits, takeTraits } from '../store-parameters.ts';
import { parseSshAuthority } from './ssh-authority.ts';
import { SshCommand } from './ssh-command.ts';

/** What the URI of a store behind ssh says. */
export interface SshPlace {
  readonly uri: string;
  readonly traits: StoreTraits;
  readonly maxConnections: number;
  readonly ssh: SshCommand;
  /** What to run there, with the arguments that say which store. */
  commandLine(...flags: string[]): [string, ...string[]];
}

/** Throws what `StoreParameters.take` and `parseSshAuthority` throw. */
export function takeSshPlace(request: StoreRequest, defaultProgram: string): SshPlace {
  const { scheme, authority, parameters, context } = request;
  const { environment, reporter } = context;
  const text = (name: string, fallback = '') => parameters.take(name, stringType, fallback);
  const traits = takeTraits(parameters, environment.storeDir);
  const [program = defaultProgram, ...args] = text('remote-program', defaultProgram)
    .split(/\s+/)
    .filter(word => word !== '');
  const remoteStore = text('remote-store');
  const maxConnections = parameters.take('max-connections', int32Type, 1);
  const ssh = new SshCommand({
    authority: parseSshAuthority(scheme, authority),
    keyFile: parameters.take<string | undefined>('ssh-key', optionalAbsolutePathType, undefined) ?? '',
    hostKey: text('base64-ssh-public-host-key'),
    compress: parameters.take('compress', booleanType, false),
    shares: maxConnections > 1,
    environment: process.env,
    reporter,
    errors: context.programErrors,
  });
  return {
    uri: `${scheme}://${authority}`,
    traits,
    maxConnections,
    ssh,
    commandLine: (...flags) => [program, ...args, ...flags, ...(remoteStore === '' ? [] : ['--store', remoteStore])],
  };
}
