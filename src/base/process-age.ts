import { readFileSync } from 'node:fs';
import { errnoOf } from './errors.ts';

/** Clock ticks of /proc/PID/stat a second, on every Linux. */
const ticksPerSecond = 100;
/** In milliseconds: how exact the times that are compared are. */
const tolerance = 2000;

/** Whether there still is the process `pid` that was there at `time`, in milliseconds since 1970: numbers are given again. */
export function wasProcessAlready(pid: number, time: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
  }
  const begun = beginningOf(pid);
  return begun === undefined || begun <= time + tolerance;
}

/** When a process began (proc(5)); undefined where that cannot be told. */
function beginningOf(pid: number): number | undefined {
  try {
    const booted = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the name, which may have anything in it: the state is field 3, the beginning field 22.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3];
    if (booted === undefined || ticks === undefined) return undefined;
    return Number(booted) * 1000 + (Number(ticks) * 1000) / ticksPerSecond;
  } catch {
    return undefined;
  }
}
