import { findGenerations, lockProfile } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { showPaged } from './show-paged.ts';

/** Lists the generations of a profile, in local time, as nobody changes it. */
export async function listGenerations(profile: string, context: CommandContext): Promise<void> {
  using _lock = await lockProfile(profile, context.signal);
  const { all, current } = findGenerations(profile);
  const lines = all.map(({ number, created }) => {
    const mark = number === current ? '(current)' : '';
    return `${String(number).padStart(4)}   ${formatTime(created)}   ${mark}\n`;
  });
  showPaged(lines.join(''), context);
}

/** `2026-11-30 02:37:11` */
function formatTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  const day = `${String(time.getFullYear()).padStart(4)}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
