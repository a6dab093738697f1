/** What the core asks of the host: the functions it imports. Those that do not return throw a JavaScript exception. */

/** Never returns. */
export declare function outOfMemory(): void;
