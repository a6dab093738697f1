/** The time that every file of a store bears, in seconds: one after the epoch, as Nix has it. */
export const canonicalTime = 1;
