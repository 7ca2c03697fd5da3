// Stands for @litertjs/core in tests: its names and its rules. It computes nothing: it knows what
// the interpreter answered to these very bytes, ANSWERS, and to any others it answers nothing.

import {readFileSync} from 'node:fs';

const known = JSON.parse(readFileSync(process.env.ANSWERS, 'utf8'));
const ARRAYS = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array};
let loading;
export const counted = {open: 0};

export const getGlobalLiteRtPromise = () => loading;

export function loadLiteRt(path, options) {
  if (loading) throw new Error('LiteRT is already loading / loaded.');
  loading = Promise.resolve({path, options});
  return loading;
}

export class Tensor {
  constructor(data, shape) {
    this.dtype = Object.keys(ARRAYS).find((name) => data instanceof ARRAYS[name]);
    if (!this.dtype) throw new Error(`Unsupported typed array: ${data?.constructor?.name}`);
    this.held = data.slice();
    this.shape = shape ?? [data.length];
    counted.open++;
  }
  async data() {
    if (!this.held) throw new Error('Tensor has been deleted');
    return this.held;
  }
  delete() {
    if (!this.held) throw new Error('Tensor has been deleted');
    this.held = undefined;
    counted.open--;
  }
}

export async function loadAndCompile(bytes, options) {
  if (!(bytes instanceof Uint8Array)) throw new Error('a Uint8Array is compiled');
  const details = (ends) => ends.map(({name, dtype, shape}) => ({name, dtype, shape: Int32Array.from(shape)}));
  return {
    options,
    getInputDetails: () => details(known.inputs),
    getOutputDetails: () => details(known.outputs),
    async run(tensors) {
      const parts = known.inputs.map(({name, dtype}) => {
        if (tensors[name]?.dtype !== dtype) throw new Error(`input ${name} is no ${dtype}`);
        return Buffer.from(tensors[name].held.buffer).toString('base64');
      });
      const found = known.answers[parts.join(' ')];
      if (!found) throw new Error('nobody knows the answer');
      return Object.fromEntries(known.outputs.map(({name, dtype, shape}, i) => {
        const bytes = new Uint8Array(Buffer.from(found[i], 'base64'));
        return [name, new Tensor(new ARRAYS[dtype](bytes.buffer), shape)];
      }));
    },
    delete() {},
  };
}
