// Where an installation keeps things: names and values, several of them changed at once or not at
// all. IndexedDB in a browser; the one in memory is for browsers that keep nothing, and for tests.

import {REASONS, Refused} from './tuf.js';

const KEPT = 'kept';
const OPEN_MS = 20_000;

/** A database of IndexedDB. Whatever fails in it is a Refused of the reason 'disk'. */
export class IndexedStore {
  #database = null;

  /** @param {string} name of the database; one for each model of a repository */
  static async open(name) {
    const made = new IndexedStore();
    made.name = name;
    await made.#opened();
    return made;
  }

  get(key) {
    return this.#inside('readonly', (kept) => kept.get(key));
  }

  keys() {
    return this.#inside('readonly', (kept) => kept.keys());
  }

  /** @param {Object<string, any>} changes by name; undefined removes */
  put(changes) {
    return this.#inside('readwrite', async (kept) => kept.put(changes));
  }

  /**
   * All that `work` does comes at once, and nothing of another page in between; what it waits for
   * are only these calls. Nothing has changed where it throws.
   * @param {(kept: {get: Function, keys: Function, put: Function}) => Promise<any>} work
   */
  transaction(work) {
    return this.#inside('readwrite', work);
  }

  async #inside(mode, work) {
    const transaction = await this.#begun(mode);
    const ended = new Promise((done, failed) => {
      transaction.oncomplete = done;
      transaction.onabort = () => failed(transaction.error);
    });
    ended.catch(() => {});
    let answer;
    try {
      answer = await work(keptBy(transaction.objectStore(KEPT)));
    } catch (error) {
      try {
        transaction.abort();
      } catch {} // it has ended already, by the same error
      throw error instanceof Refused ? error : refusal(error);
    }
    await ended.catch((error) => { throw refusal(error); });
    return answer;
  }

  async #begun(mode) {
    for (let again = false; ; again = true) {
      const database = await this.#opened();
      try {
        return database.transaction(KEPT, mode, {durability: 'strict'});
      } catch (error) {
        this.#database = null; // closed meanwhile: by the user, or for another page
        database.close();
        if (again) throw refusal(error);
      }
    }
  }

  async #opened() {
    if (this.#database) return this.#database;
    try {
      let database = await opening(this.name);
      if (!database.objectStoreNames.contains(KEPT)) { // somebody else's, or half made
        database.close();
        database = await opening(this.name, database.version + 1);
      }
      const close = () => {
        database.close();
        if (this.#database === database) this.#database = null;
      };
      database.onversionchange = close; // another page wants to remove it, and would wait
      database.onclose = close;
      this.#database = database;
      return database;
    } catch (error) {
      throw refusal(error);
    }
  }
}

/** The same in memory. */
export class MemoryStore {
  #last = Promise.resolve();

  constructor(name) {
    this.name = name;
    this.kept = new Map();
  }

  get(key) {
    return this.transaction((kept) => kept.get(key));
  }

  keys() {
    return this.transaction((kept) => kept.keys());
  }

  put(changes) {
    return this.transaction(async (kept) => kept.put(changes));
  }

  transaction(work) {
    const done = this.#last.then(async () => {
      const after = new Map(this.kept);
      const answer = await work({
        get: async (key) => structuredClone(after.get(key)),
        keys: async () => [...after.keys()],
        put(changes) {
          for (const [key, value] of Object.entries(changes)) {
            if (value === undefined) after.delete(key);
            else after.set(key, structuredClone(value));
          }
        },
      });
      this.kept = after;
      return answer;
    });
    this.#last = done.catch(() => {});
    return done;
  }
}

function opening(name, version) {
  return new Promise((done, failed) => {
    const request = indexedDB.open(name, version);
    const late = setTimeout(() => failed(new Error('it does not answer')), OPEN_MS);
    request.onupgradeneeded = () => request.result.createObjectStore(KEPT);
    request.onblocked = () => failed(new Error('another page holds it open'));
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
    request.addEventListener('success', () => clearTimeout(late));
    request.addEventListener('error', () => clearTimeout(late));
  });
}

function keptBy(store) {
  return {
    get: (key) => settled(store.get(key)),
    keys: () => settled(store.getAllKeys()),
    put(changes) {
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) store.delete(key);
        else store.put(value, key);
      }
    },
  };
}

function settled(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

/** Some errors of a browser are null, or have a name only. */
function refusal(error) {
  const cause = error?.message || error?.name || 'it ended a transaction';
  return new Refused(REASONS.DISK, `what this browser keeps cannot be had: ${cause}`);
}
