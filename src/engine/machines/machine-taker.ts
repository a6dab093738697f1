import { buildOnMachine } from './build-on-machine.ts';
import type { BuildTaker } from './build-taker.ts';
import type { MachineLease } from './machine-pool.ts';

/** The machine that a build has got. */
export function machineTaker(lease: MachineLease): BuildTaker {
  return {
    uri: lease.uri,
    begin: async options => {
      const leased = await lease.connect(options);
      const { connection, errors } = leased;
      return {
        passLogTo: write => errors.passTo(write),
        run: (build, progress) => buildOnMachine(lease, leased, { build, progress }),
        finishLog: async () => {
          // The rest comes by a way of its own, and has come when that ends.
          if (!connection.isReusable) await connection[Symbol.asyncDispose]();
        },
        end: isGood => leased.giveBack(isGood),
        noteLoss: () => leased.noteLoss(),
      };
    },
    [Symbol.dispose]: () => lease[Symbol.dispose](),
  };
}
