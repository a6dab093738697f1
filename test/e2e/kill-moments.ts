/**
 * How many processes the tests that kill them kill: few where all tests run, 200 with `npm run test:kills`, which takes
 * some ten times as long.
 */
export const killMoments = Number(process.env['FIRN_KILL_MOMENTS'] ?? '30');
