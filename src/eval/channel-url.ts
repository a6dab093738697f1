/** `channel:NAME` is short for the channel's address. */
export function resolveChannel(url: string): string {
  const channel = url.startsWith('channel:') ? url.slice('channel:'.length) : undefined;
  return channel === undefined ? url : `https://channels.nixos.org/${channel}/nixexprs.tar.xz`;
}
