declare const brand: unique symbol;

/** A `T` that only the functions that check it may make: `type Hash = Brand<string, 'Hash'>`. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** The cast that makes a branded string; called where the check was made, nowhere else. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the brand
export function brandAs<B extends Brand<string, string>>(value: string): B {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place that casts
  return value as B;
}
