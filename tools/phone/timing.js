// Latencies with a clock that ticks in tenths of a millisecond: runs are timed in batches.

const WARM_UP_MS = 500; // a browser compiles what runs often once more, and better
const BATCH_MS = 10; // a hundred ticks: one per cent
const TIMED = {ms: 4000, fewest: 20, most: 300};

/**
 * Milliseconds of one run, for each batch of runs.
 * @param {() => Promise<void>} once one run
 * @param {(done: number) => Promise<void>} rest shows progress, 0..1, between batches
 */
export async function time(once, rest) {
  await rest(0);
  const perBatch = await warmUp(once);
  const samples = [];
  let spent = 0;
  while (samples.length < TIMED.fewest || (samples.length < TIMED.most && spent < TIMED.ms)) {
    const took = await batch(once, perBatch);
    samples.push(took / perBatch);
    spent += took;
    await rest(Math.min(1, spent / TIMED.ms));
  }
  return {samples_ms: samples, runs_per_sample: perBatch};
}

/** Runs until it is warm; how many runs make a batch. */
async function warmUp(once) {
  const started = performance.now();
  for (let runs = 1;;) {
    const took = await batch(once, runs);
    if (took < BATCH_MS) runs *= 2;
    else if (performance.now() - started > WARM_UP_MS) return runs;
  }
}

async function batch(once, runs) {
  const from = performance.now();
  for (let run = 0; run < runs; run++) await once();
  return performance.now() - from;
}
