// Stands for a browser's Worker in tests: a module in a thread of Node, with postMessage by its name.

import {Worker as Thread} from 'node:worker_threads';

const START = `
import {parentPort, workerData} from 'node:worker_threads';
globalThis.onmessage = null;
globalThis.postMessage = (data, moved) => parentPort.postMessage(data, moved);
await import(workerData);
parentPort.on('message', (data) => globalThis.onmessage({data}));
`;

globalThis.Worker = class {
  #thread;
  constructor(address) {
    const start = new URL(`data:text/javascript,${encodeURIComponent(START)}`);
    this.#thread = new Thread(start, {workerData: String(address)});
    this.#thread.on('message', (data) => this.onmessage({data}));
    this.#thread.on('error', (cause) => this.onerror(cause));
  }
  postMessage(data) {
    this.#thread.postMessage(data);
  }
  terminate() {
    this.#thread.terminate();
  }
};
