// One page at a time: by Web Locks, and where a browser has none by a lease in the store, which is
// renewed while it is held and runs out when its page is gone.

const [LEASE_MS, RENEW_MS, LOOK_MS] = [15_000, 4_000, 200];

/**
 * Calls `work` when it is its turn.
 * @param {Object} store shared by the pages
 * @param {string} name of what one of them does
 * @param {(isOurs: boolean) => Promise<any>} work
 * @param {boolean} [ifAvailable] whether it is called at once, and told whether it has the turn
 */
export async function inTurn(store, name, work, ifAvailable = false) {
  const locks = globalThis.navigator?.locks;
  if (!locks) return leased(store, name, work, ifAvailable);
  let isCalled = false;
  try {
    return await locks.request(`tfedge ${name} ${store.name}`, {ifAvailable}, (lock) => {
      isCalled = true;
      return work(lock !== null);
    });
  } catch (error) {
    if (isCalled) throw error;
    return leased(store, name, work, ifAvailable); // a page that may have no locks
  }
}

async function leased(store, name, work, ifAvailable) {
  const [key, holder] = [`turns/${name}`, crypto.randomUUID()];
  const take = () => store.transaction(async (kept) => {
    const [there, now] = [await kept.get(key), Date.now()];
    const isHeld = there?.until > now && there.until <= now + LEASE_MS; // not by a wrong clock
    if (isHeld && there.holder !== holder) return false;
    kept.put({[key]: {holder, until: now + LEASE_MS}});
    return true;
  });
  const give = () => store.transaction(async (kept) => {
    if ((await kept.get(key))?.holder === holder) kept.put({[key]: undefined});
  });
  let isOurs = await take();
  while (!isOurs && !ifAvailable) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    isOurs = await take();
  }
  const timer = isOurs ? setInterval(() => take().catch(() => {}), RENEW_MS) : undefined;
  try {
    return await work(isOurs);
  } finally {
    clearInterval(timer);
    if (isOurs) await give().catch(() => {});
  }
}
