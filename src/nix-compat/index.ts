/**
 * nix-compat: Nix's formats as pure functions of bytes.
 */
export { NixCompatError, type NixCompatErrorCode, nixCompatErrorCodes } from './error.ts';
