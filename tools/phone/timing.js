// Latencies with a clock that ticks in tenths of a millisecond: runs are timed in batches.

const WARM_UP = {runs: 50, ms: 1000};
const BATCH_MS = 10; // a hundred ticks: one per cent
const TIMED = {ms: 4000, fewest: 20, most: 300};

/**
 * Milliseconds of one run, for each batch of runs.
 * @param {() => Promise<void>} once one run
 * @param {(done: number) => Promise<void>} rest shows progress, 0..1, between batches
 */
export async function time(once, rest) {
  await rest(0);
  const started = performance.now();
  let warm = 0;
  while (warm < WARM_UP.runs && performance.now() - started < WARM_UP.ms) {
    await once();
    warm++;
  }
  const each = (performance.now() - started) / warm;
  const perBatch = Math.max(1, Math.ceil(BATCH_MS / Math.max(each, 0.001)));
  const samples = [];
  let spent = 0;
  while (samples.length < TIMED.fewest || (samples.length < TIMED.most && spent < TIMED.ms)) {
    const from = performance.now();
    for (let run = 0; run < perBatch; run++) await once();
    const took = performance.now() - from;
    samples.push(took / perBatch);
    spent += took;
    await rest(Math.max(spent / TIMED.ms, samples.length / TIMED.most));
  }
  return {samples_ms: samples, runs_per_sample: perBatch};
}
