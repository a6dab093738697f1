import { StoreError } from '../error.ts';

const maxDays = 2 ** 31 - 1;

/**
 * The time so many days (`14d`) before `now`, in seconds since 1970. Throws `profile/bad-age`.
 */
export function parseOlderThan(text: string, now = Date.now() / 1000): number {
  if (!text.endsWith('d')) {
    const message = `invalid number of days specifier '${text}', expected something like '14d'`;
    throw new StoreError('profile/bad-age', message);
  }
  const days = /^\+?[0-9]{1,10}d$/.test(text) ? Number(text.slice(0, -1)) : 0;
  if (days < 1 || days > maxDays) throw new StoreError('profile/bad-age', `invalid number of days specifier '${text}'`);
  return Math.floor(now) - days * 24 * 3600;
}
