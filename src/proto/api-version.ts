/** The versions of REAPI that are spoken (SemVer of `ServerCapabilities`). */
export const lowApiVersion = { major: 2, minor: 0, patch: 0 } as const;
export const highApiVersion = { major: 2, minor: 11, patch: 0 } as const;
