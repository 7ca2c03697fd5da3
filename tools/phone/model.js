// A .tflite in LiteRT.js, fed and read as bytes.
//
// The package's own Tensor knows float32, int32 and uint8 only. Its WebAssembly below has buffers
// of any type, so an int8 model is run as it is, and what comes back can be compared bit by bit.

import {getGlobalLiteRt, loadLiteRt, supportsFeature} from '@litertjs/core';

/** Fetches and starts the runtime; the build without threads. */
export async function startRuntime() {
  await loadLiteRt('./');
  return (await supportsFeature('relaxedSimd')) ? 'plain' : 'compat';
}

/** One model with its input buffers; `close` it. */
export class Model {
  /** Compiles the file for one thread. Throws what the runtime says where it cannot. */
  static async open(bytes) {
    const runtime = getGlobalLiteRt();
    const wasm = runtime.liteRtWasm;
    const environment = runtime.getDefaultEnvironment();
    const options = {
      environment, accelerator: 'wasm', cpuOptions: {numThreads: 1}, gpuOptions: {}, webNNOptions: {},
    };
    const address = wasm._malloc(bytes.length);
    wasm.HEAPU8.set(bytes, address);
    const model = wasm.loadModel(environment.liteRtEnvironment, address, bytes.length);
    const compiled = await wasm.compileModel(environment.liteRtEnvironment, model, options);
    return new Model(wasm, environment.liteRtEnvironment, model, compiled);
  }

  constructor(wasm, environment, model, compiled) {
    Object.assign(this, {wasm, compiled});
    const signature = model.getSignature(0);
    this.inputNames = names(signature.inputNames());
    this.outputNames = names(signature.outputNames());
    this.inputs = this.inputNames.map((_, i) => {
      const type = model.getInputTensorType(0, i);
      const {HOST_MEMORY} = wasm.LiteRtTensorBufferType;
      return wasm.LiteRtTensorBuffer.createManaged(environment, HOST_MEMORY, type, type.bytes());
    });
  }

  /** Writes the bytes of one example, a Uint8Array for each input in the model's order. */
  feed(example) {
    example.forEach((bytes, i) => {
      const expected = this.inputs[i].packedSize();
      if (bytes.length !== expected) {
        throw new Error(`input ${this.inputNames[i]} takes ${expected} bytes, not ${bytes.length}`);
      }
      const address = this.inputs[i].lock(this.wasm.LiteRtTensorBufferLockMode.WRITE);
      this.wasm.HEAPU8.set(bytes, address);
      this.inputs[i].unlock();
    });
  }

  /** One inference; the buffers of the outputs, to be given to `read` or `drop`. */
  async run() {
    return await this.compiled.run(0, this.inputs);
  }

  /** The outputs as a Uint8Array each, in the model's order. */
  read(outputs) {
    return outputs.map((buffer) => {
      const address = buffer.lock(this.wasm.LiteRtTensorBufferLockMode.READ);
      const bytes = this.wasm.HEAPU8.slice(address, address + buffer.packedSize());
      buffer.unlock();
      return bytes;
    });
  }

  /** Frees output buffers. */
  drop(outputs) {
    for (const buffer of outputs) buffer.delete();
  }
}

function names(vector) {
  const found = [];
  for (let i = 0; i < vector.size(); i++) found.push(vector.get(i));
  vector.delete();
  return found;
}
