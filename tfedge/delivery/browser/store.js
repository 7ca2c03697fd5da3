// Where an installation keeps things: names and values, several of them changed at once or not at
// all. IndexedDB in a browser; the one in memory is for tests.

/** A database of IndexedDB. */
export class IndexedStore {
  #database;

  /** @param {string} name of the database; one for each model of a repository */
  static async open(name) {
    const made = new IndexedStore();
    made.name = name;
    made.#database = await new Promise((done, failed) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore('kept');
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
    return made;
  }

  async get(key) {
    return settled(this.#kept('readonly').get(key));
  }

  async keys() {
    return settled(this.#kept('readonly').getAllKeys());
  }

  /** @param {Object<string, any>} changes by name; undefined removes */
  async put(changes) {
    const transaction = this.#database.transaction('kept', 'readwrite', {durability: 'strict'});
    const kept = transaction.objectStore('kept');
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) kept.delete(key);
      else kept.put(value, key);
    }
    await new Promise((done, failed) => {
      transaction.oncomplete = done;
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  }

  #kept(mode) {
    return this.#database.transaction('kept', mode).objectStore('kept');
  }
}

/** The same in memory. */
export class MemoryStore {
  constructor(name) {
    this.name = name;
    this.kept = new Map();
  }

  async get(key) {
    return structuredClone(this.kept.get(key));
  }

  async keys() {
    return [...this.kept.keys()];
  }

  async put(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) this.kept.delete(key);
      else this.kept.set(key, structuredClone(value));
    }
  }
}

function settled(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
