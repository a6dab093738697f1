/** A scheme and its colon, such as `github:`, which allows all of the scheme. */
const justScheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:$/;

/** Whether a URI is one of `allowed` or below one: `https://example.org` does not allow `https://example.organic`. */
export function isAllowedUri(uri: string, allowed: readonly string[]): boolean {
  return allowed.some(prefix => {
    if (uri === prefix) return true;
    if (prefix === '' || !uri.startsWith(prefix)) return false;
    return prefix.endsWith('/') || uri[prefix.length] === '/' || justScheme.test(prefix);
  });
}
