// {{ model.class_name }}: {{ model.task|comment }}. Written by tfedge; change nothing here, write it again.

import {getGlobalLiteRtPromise, loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';
{% if model.delivered %}
import {codesOf} from './delivery/ends.js';
import {inOrder} from './delivery/golden.js';
{% endif %}

/** Of the model that this code belongs to. */
export const VERSION = {{ model.version|text }};
export const SHA256 = '{{ model.sha256 }}';
{% if model.labels %}

/** The class names, in the order of the scores. */
export const LABELS = Object.freeze([{{ model.labels|map("text")|listed }}]);
{% endif %}

const INPUTS = [
{% for port in model.inputs %}
  {name: {{ port.name|text }}, key: '{{ port.id }}', dtype: '{{ port.dtype }}', shape: [{{ port.shape|listed }}], count: {{ port.count }}{{ ", given: '" ~ port.given ~ "', scale: " ~ port.scale|number ~ ", zeroPoint: " ~ port.zero_point if model.delivered }}},
{% endfor %}
];
const OUTPUTS = [
{% for port in model.outputs %}
  {name: {{ port.name|text }}, key: '{{ port.id }}', dtype: '{{ port.dtype }}', count: {{ port.count }}, tolerance: {{ model.tolerance(port) }}{{ ", given: '" ~ port.given ~ "', scale: " ~ port.scale|number ~ ", zeroPoint: " ~ port.zero_point if model.delivered }}},
{% endfor %}
];
const ARRAYS = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array};

/**
 * What the model takes.
 * @typedef {Object} Inputs
{% for port in model.inputs %}
 * @property {{ "{" }}{{ {"bytes": "Uint8Array|Uint8ClampedArray", "real": "Float32Array", "whole": "Int32Array" if port.dtype == "int32" else "Uint8Array"}[port.given] }}{{ "}" }} {{ port.id }} {{ port.words }}{{ port.seen|comment }}{{ ", before normalization" if port.factors }}
{% endfor %}
 */

/**
 * What it answers.
 * @typedef {Object} Outputs
{% for port in model.outputs %}
 * @property {{ "{" }}{{ {"real": "Float32Array", "whole": "Int32Array" if port.dtype == "int32" else "Uint8Array"}[port.given] }}{{ "}" }} {{ port.id }} {{ port.words }}
{% endfor %}
 */

/**
 * @typedef {Object} Options
 * @property {string} [wasm] folder of LiteRT.js' WebAssembly files, as the page reaches it
 * @property {string|URL} [model] model.tflite{{ ".packed" if model.packed }}
{% if model.unpacks %}
 * @property {string|URL} [primer] tfedge_primer.lzma
{% endif %}
 * @property {string|URL} [golden] golden.bin
 * @property {'wasm'|'webgpu'} [accelerator] where it runs; webgpu may answer a little otherwise
 * @property {number} [threads] of wasm; more than 1 needs a page that is cross-origin isolated
 */

/** One loaded model; `close` it when it is not needed any more. */
export class {{ model.class_name }} {
  #compiled;
  #bytes;
  #options;
  #golden;
{% if model.delivered %}
  #codes = {inputs: INPUTS, outputs: OUTPUTS};
{% endif %}
  #running = 0;

  /**
   * Fetches the model, {{ "unpacks it in a worker, " if model.packed }}compares its SHA-256 and compiles it.
   * @param {Options} [options]
{% if model.delivered %}
   * @param {Uint8Array} [delivered] a later version, compared already: see delivery.js
{% endif %}
   * @returns {Promise<{{ model.class_name }}>}
   */
  static async load(options = {}{{ ", delivered = undefined" if model.delivered }}) {
    const chosen = checkedOptions(options);
{% if model.delivered %}
    const bytes = delivered ?? await shipped(chosen);
{% elif model.packed %}
    const bytes = await unpacked(await fetched(chosen.model), await fetched(chosen.primer));
{% else %}
    const bytes = await fetched(chosen.model);
{% endif %}
{% if not model.delivered %}
    const found = await sha256(bytes);
    if (found !== SHA256) {
      throw new Error(`${chosen.model} is another file: its SHA-256 is ${found}, not ${SHA256}`);
    }
{% endif %}
{% if model.delivered %}
    await runtime(options);
{% else %}
    await (getGlobalLiteRtPromise() ?? loadLiteRt(chosen.wasm, {threads: chosen.threads > 1}));
{% endif %}
    const made = new {{ model.class_name }}();
    made.#bytes = bytes;
    made.#options = {accelerator: chosen.accelerator, cpuOptions: {numThreads: chosen.threads}};
{% if model.delivered %}
    if (delivered) made.#codes = codesOf(delivered, INPUTS, OUTPUTS, {{ "true" if model.takes_raw else "false" }});
    made.#golden = delivered ? null : chosen.golden;
{% else %}
    made.#golden = chosen.golden;
{% endif %}
    await made.#compile();
    return made;
  }

  async #compile() {
    this.#compiled = await loadAndCompile(this.#bytes, this.#options);
    for (const [ends, told] of [
      [INPUTS, this.#compiled.getInputDetails()], [OUTPUTS, this.#compiled.getOutputDetails()],
    ]) {
      for (const {name, dtype, count} of ends) {
        const there = told.find((each) => each.name === name);
        const size = there && there.shape.reduce((product, each) => product * each, 1);
        if (!there || there.dtype !== dtype || size !== count) {
          throw new Error(`the model has no tensor '${name}' of ${count} ${dtype}`);
        }
      }
    }
  }

  /**
   * One inference. Every array has exactly the length that is written at `Inputs`.
   * @param {Inputs} inputs
   * @returns {Promise<Outputs>}
   */
  async run(inputs) {
    const given = Object.keys(inputs ?? {}).sort().join(', ');
    const expected = INPUTS.map(({key}) => key).sort().join(', ');
    if (given !== expected) throw new TypeError(`inputs are {${expected}}, not {${given}}`);
    const found = await this.#invoke([
{% for port in model.inputs %}
      {{ port.id }}Tensor(inputs.{{ port.id }}{{ ", this.#codes.inputs[" ~ loop.index0 ~ "]" if model.delivered and port.is_coded_here }}),
{% endfor %}
    ]);
    return {
{% for port in model.outputs %}
      {{ port.id }}: {% if port.scale and model.delivered %}realOf(found[{{ loop.index0 }}], this.#codes.outputs[{{ loop.index0 }}]){% elif port.scale %}Float32Array.from(found[{{ loop.index0 }}], (code) => Math.fround(code - {{ port.zero_point }}) * {{ port.scale|number }}){% else %}found[{{ loop.index0 }}]{% endif %},
{% endfor %}
    };
  }
{% if model.picture %}

  /**
   * What a picture shows: {{ model.picture.words|comment }}.
   * @param {ImageData|CanvasImageSource} picture
   * @param {number} [most] how many answers, the likeliest first
   * @returns {Promise<{label: string, index: number, score: number}[]>} scores are {{ "probabilities" if model.is_probability else "not probabilities: only their order tells" }}
   */
  async classify(picture, most = 1) {
    const found = await this.run({{ "{" }}{{ model.inputs[0].id }}: pictureInput(picture)});
    return ranked(found.{{ model.outputs[0].id }}).slice(0, most);
  }
{% elif model.labels %}

  /**
   * The class of an example.
   * @param {Inputs} inputs see `run`
   * @param {number} [most] how many answers, the likeliest first
   * @returns {Promise<{label: string, index: number, score: number}[]>} scores are {{ "probabilities" if model.is_probability else "not probabilities: only their order tells" }}
   */
  async classify(inputs, most = 1) {
    const found = await this.run(inputs);
    return ranked(found.{{ model.outputs[0].id }}).slice(0, most);
  }
{% endif %}

  /**
   * Runs the examples of golden.bin on this device and compares the answers with those of the
   * release.
   * @returns {Promise<{passed: boolean, examples: number, differences: Object<string, number>}>}
   *     the largest difference of each output, in what its tensor holds
   */
  async selfCheck() {
{% if model.delivered %}
    if (!this.#golden) throw new Error('a delivered version was checked by examples of its own');
{% endif %}
    const golden = await fetched(this.#golden);
    if (!golden.length || golden.length % {{ model.example_bytes }}) {
      throw new Error(`${this.#golden} has ${golden.length} bytes, a multiple of {{ model.example_bytes }} was expected`);
    }
{% if model.delivered %}
    return this.#compared(golden, OUTPUTS.map(({tolerance}) => tolerance));
  }

  /**
   * Runs the examples that came with a version, and throws where the answers are not its release's.
   * @param {Uint8Array} golden golden.npz of the repository
   */
  async probe(golden) {
    const {bytes, tolerances} = await inOrder(golden, INPUTS, OUTPUTS);
    const {passed, differences} = await this.#compared(bytes, tolerances);
    if (!passed) throw new Error(`it answers otherwise than its release, by ${JSON.stringify(differences)}`);
  }

  async #compared(golden, tolerances) {
{% endif %}
    const differences = Object.fromEntries(OUTPUTS.map(({key}) => [key, 0]));
    const wide = new DataView(golden.buffer, golden.byteOffset);
    let at = 0;
    while (at < golden.length) {
      const next = ({dtype, count}) => {
        const [part, from] = [new ARRAYS[dtype](count), at];
        const size = part.BYTES_PER_ELEMENT;
        for (let i = 0; i < count; i++) {
          const offset = from + i * size;
          part[i] = dtype === 'float32' ? wide.getFloat32(offset, true)
            : dtype === 'int32' ? wide.getInt32(offset, true) : wide.getUint8(offset);
        }
        at += count * size;
        return part;
      };
      const found = await this.#invoke(INPUTS.map(next));
      OUTPUTS.forEach((output, i) => {
        next(output).forEach((expected, place) => {
          const got = found[i][place];
          const same = got === expected || (Number.isNaN(got) && Number.isNaN(expected));
          const apart = same ? 0 : Math.abs(got - expected);
          differences[output.key] = Math.max(differences[output.key], Number.isNaN(apart) ? Infinity : apart);
        });
      });
    }
{% if model.delivered %}
    const passed = OUTPUTS.every(({key}, i) => differences[key] <= tolerances[i]);
{% else %}
    const passed = OUTPUTS.every(({key, tolerance}) => differences[key] <= tolerance);
{% endif %}
    return {passed, examples: golden.length / {{ model.example_bytes }}, differences};
  }

  /** Frees its memory; it cannot be used afterwards. */
  close() {
    if (this.#running) throw new Error('the model is running: await its answers before close()');
    this.#compiled?.delete();
    this.#compiled = undefined;
  }

  /** Arrays as the tensors take them, in the order of INPUTS; copies of what the outputs hold. */
  async #invoke(arrays) {
    if (!this.#compiled) throw new Error('the model was closed');
    const tensors = Object.fromEntries(
      INPUTS.map(({name, shape}, i) => [name, new Tensor(arrays[i], shape)]));
    let found;
    this.#running++;
    try {
      found = await this.#compiled.run(tensors);
      return await Promise.all(OUTPUTS.map(async ({name, dtype, count}) => {
        const data = await found[name].data();
        if (!(data instanceof ARRAYS[dtype]) || data.length !== count) {
          throw new Error(`output '${name}' is not ${count} ${dtype}`);
        }
        return data.slice();
      }));
    } finally {
      this.#running--;
      for (const tensor of [...Object.values(tensors), ...Object.values(found ?? {})]) tensor.delete();
    }
  }
}
{% for port in model.inputs %}

{% set types = {"bytes": ["Uint8Array", "Uint8ClampedArray"], "real": ["Float32Array"], "whole": ["Int32Array" if port.dtype == "int32" else "Uint8Array"]}[port.given] %}
function {{ port.id }}Tensor(values{{ ", {scale, zeroPoint}" if model.delivered and port.is_coded_here }}) {
  checked('{{ port.id }}', values, [{{ types|listed }}], {{ port.count }});
{% if port.given == "bytes" %}
  return Uint8Array.from(values);
{% elif port.given == "whole" %}
  return values;
{% else %}
{% if port.factors %}
  // As in training: raw * {{ port.factors|listed }} + {{ port.offsets|listed }}.
  const factors = [{{ port.factors|map("number")|listed }}];
  const offsets = [{{ port.offsets|map("number")|listed }}];
  const normalized = values.map((value, i) =>
    Math.fround(value * factors[i % factors.length]) + offsets[i % offsets.length]);
{% else %}
  const normalized = values;
{% endif %}
{% if port.scale %}
{% if model.delivered %}
  // The tensor holds codes: real number = (code - zeroPoint) * scale.
{% else %}
  // The tensor holds codes: real number = (code - {{ port.zero_point }}) * {{ port.scale|number }}.
{% endif %}
  return {{ "Uint8Array" if port.dtype == "uint8" else "Int32Array" }}.from(normalized, (value) => {
    if (Number.isNaN(value)) throw new TypeError('{{ port.id }} holds NaN');
{% if model.delivered %}
    const code = evenly(Math.fround(Math.fround(value / Math.fround(scale)) + zeroPoint));
{% else %}
    const code = evenly(Math.fround(Math.fround(value / Math.fround({{ port.scale|number }})) + {{ port.zero_point }}));
{% endif %}
    return Math.min({{ port.most }}, Math.max({{ port.least }}, code));
  });
{% else %}
  return normalized;
{% endif %}
{% endif %}
}
{% endfor %}

{% if model.delivered and model.outputs|selectattr("scale")|list %}
/** The real numbers of an output's codes. */
function realOf(found, {scale, zeroPoint}) {
  return Float32Array.from(found, (code) => Math.fround(code - zeroPoint) * scale);
}

{% endif %}
function checked(name, values, types, count) {
  if (!types.some((type) => values instanceof type)) {
    const names = types.map((type) => type.name).join(' or ');
    throw new TypeError(`${name} is a ${names}, not ${values?.constructor?.name ?? values}`);
  }
  if (values.length !== count) {
    throw new TypeError(`${name} takes ${count} numbers, not ${values.length}`);
  }
}

{% if model.inputs|selectattr("is_coded_here")|list or model.picture and (model.picture.interpolation != "nearest" or model.picture.most != 255) %}
/** The nearest whole number; halves go to the even one. */
function evenly(value) {
  const low = Math.floor(value);
  const rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}
{% endif %}
{% if model.labels %}

function ranked(scores) {
  const answers = LABELS.map((label, index) => ({label, index, score: scores[index]}));
  return answers.sort((a, b) => b.score - a.score || a.index - b.index);
}
{% endif %}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

{% if model.delivered %}
/** LiteRT.js, once for a page. */
export async function runtime(options = {}) {
  const {wasm, threads} = checkedOptions(options);
  await (getGlobalLiteRtPromise() ?? loadLiteRt(wasm, {threads: threads > 1}));
}

{% endif %}
function checkedOptions(options) {
  const known = {
    wasm: '/node_modules/@litertjs/core/wasm/',
{% if model.packed %}
    model: new URL('./model.tflite.packed', import.meta.url),
{% else %}
    model: new URL('./model.tflite', import.meta.url),
{% endif %}
{% if model.unpacks %}
    primer: new URL('./tfedge_primer.lzma', import.meta.url),
{% endif %}
    golden: new URL('./golden.bin', import.meta.url),
    accelerator: 'wasm',
    threads: 1,
  };
  for (const key of Object.keys(options)) {
    if (!(key in known)) throw new TypeError(`there is no option '${key}'`);
  }
  const chosen = {...known, ...options};
  if (!['wasm', 'webgpu'].includes(chosen.accelerator)) {
    throw new TypeError(`accelerator is 'wasm' or 'webgpu', not '${chosen.accelerator}'`);
  }
  if (!Number.isInteger(chosen.threads) || chosen.threads < 1) {
    throw new TypeError(`threads is a whole number from 1, not ${chosen.threads}`);
  }
  return chosen;
}

{% if model.delivered %}
/** The file that came with the page. */
async function shipped(chosen) {
{% if model.packed %}
  const bytes = await unpacked(await fetched(chosen.model), await fetched(chosen.primer));
{% else %}
  const bytes = await fetched(chosen.model);
{% endif %}
  const found = await sha256(bytes);
  if (found !== SHA256) {
    throw new Error(`${chosen.model} is another file: its SHA-256 is ${found}, not ${SHA256}`);
  }
  return bytes;
}

{% endif %}
{% if model.unpacks %}
{{ "/** A packed file as it was, by a worker. */
export " if model.delivered }}function unpacked(packed, primer{{ ", size = " ~ model.content|length if model.delivered }}) {
  const worker = new Worker(new URL('./unpack_worker.js', import.meta.url), {type: 'module'});
  return new Promise((resolve, reject) => {
    worker.onmessage = ({data}) => (data.bytes ? resolve(data.bytes) : reject(new Error(data.refused)));
    worker.onerror = () => reject(new Error('unpack_worker.js does not start: is it beside model.js?'));
    worker.postMessage({packed, primer, size{{ ": " ~ model.content|length if not model.delivered }}});
  }).finally(() => worker.terminate());
}

{% endif %}
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) {
    throw new Error('the SHA-256 cannot be compared: serve the page over https or from localhost');
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
{% if model.picture %}
{% set picture = model.picture %}

/**
 * The input that a picture makes: {{ picture.words|comment }}.
 * @param {ImageData|CanvasImageSource} picture
 * @returns {{ "{" }}{{ "Uint8Array" if model.inputs[0].given == "bytes" else "Int32Array" if model.inputs[0].dtype == "int32" else "Uint8Array" if model.inputs[0].given == "whole" else "Float32Array" }}{{ "}" }}
 */
export function pictureInput(picture) {
  const {data, width, height} = pixelsOf(picture);
  const pixels = resized(channelsOf(data, width, height), width, height);
{% if picture.most != 255 %}
  // White is {{ picture.most|number }} in the data that it was trained on.
{% if model.inputs[0].given == "real" %}
  return Float32Array.from(pixels, (value) => value * {{ picture.most }} / 255);
{% else %}
  return Uint8Array.from(pixels, (value) => evenly(value * {{ picture.most }} / 255));
{% endif %}
{% elif model.inputs[0].given == "real" %}
  return Float32Array.from(pixels);
{% elif model.inputs[0].given == "whole" and model.inputs[0].dtype == "int32" %}
  return Int32Array.from(pixels);
{% else %}
  return pixels;
{% endif %}
}

function pixelsOf(picture) {
  if (picture?.data && picture.width && picture.height) {
    if (picture.data.length !== 4 * picture.width * picture.height) {
      throw new TypeError('a picture is red, green, blue and alpha, 4 bytes each pixel');
    }
    return picture;
  }
  const width = picture.naturalWidth ?? picture.videoWidth ?? picture.width;
  const height = picture.naturalHeight ?? picture.videoHeight ?? picture.height;
  if (!width || !height) throw new TypeError('the picture is not loaded yet');
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/** {{ "Grey, as Pillow's convert('L')" if picture.channels == 1 else "Red, green, blue" }}, without alpha. */
function channelsOf(data, width, height) {
  const found = new Uint8Array(width * height * {{ picture.channels }});
  for (let i = 0; i < width * height; i++) {
{% if picture.channels == 1 %}
    found[i] = (data[4 * i] * 19595 + data[4 * i + 1] * 38470 + data[4 * i + 2] * 7471 + 0x8000) >> 16;
{% else %}
    for (let c = 0; c < 3; c++) found[3 * i + c] = data[4 * i + c];
{% endif %}
  }
  return found;
}

/** {{ picture.fit }}, {{ picture.interpolation }}, half-pixel centres, no antialiasing (tf.image.resize). */
function resized(pixels, width, height) {
  const [toWidth, toHeight, channels] = [{{ picture.width }}, {{ picture.height }}, {{ picture.channels }}];
{% if picture.fit != "stretch" %}
  if (width !== toWidth || height !== toHeight) {
{% if picture.fit == "crop" %}
    const tall = Math.max(Math.min(height, Math.trunc(width * toHeight / toWidth)), 1);
    const wide = Math.max(Math.min(width, Math.trunc(height * toWidth / toHeight)), 1);
{% else %}
    const above = Math.trunc((Math.max(height, Math.trunc(width * toHeight / toWidth)) - height) / 2);
    const beside = Math.trunc((Math.max(width, Math.trunc(height * toWidth / toHeight)) - width) / 2);
    const [tall, wide] = [height + 2 * above, width + 2 * beside];
{% endif %}
    const [top, left] = [Math.trunc((height - tall) / 2), Math.trunc((width - wide) / 2)];
    const framed = new Uint8Array(tall * wide * channels);
    for (let y = Math.max(0, -top); y < tall && y + top < height; y++) {
      for (let x = Math.max(0, -left); x < wide && x + left < width; x++) {
        for (let c = 0; c < channels; c++) {
          framed[(y * wide + x) * channels + c] = pixels[((y + top) * width + x + left) * channels + c];
        }
      }
    }
    [pixels, width, height] = [framed, wide, tall];
  }
{% endif %}
  if (width === toWidth && height === toHeight) return pixels;
  const [rows, columns] = [neighbours(height, toHeight), neighbours(width, toWidth)];
  const found = new Uint8Array(toWidth * toHeight * channels);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      for (let c = 0; c < channels; c++) {
        const pixel = (row, column) => pixels[(row * width + column) * channels + c];
{% if picture.interpolation == "nearest" %}
        found[(y * toWidth + x) * channels + c] = pixel(rows[y], columns[x]);
{% else %}
        const [top, bottom, down] = rows[y];
        const [left, right, along] = columns[x];
        const between = (from, to, share) => Math.fround(from + Math.fround(Math.fround(to - from) * share));
        const above = between(pixel(top, left), pixel(top, right), along);
        const below = between(pixel(bottom, left), pixel(bottom, right), along);
        found[(y * toWidth + x) * channels + c] = evenly(between(above, below, down));
{% endif %}
      }
    }
  }
  return found;
}

function neighbours(before, after) {
  const scale = Math.fround(Math.fround(before) / Math.fround(after));
  return Array.from({length: after}, (_, i) => {
    const place = Math.fround(Math.fround(i + 0.5) * scale);
{% if picture.interpolation == "nearest" %}
    return Math.min(Math.floor(place), before - 1);
{% else %}
    const from = Math.fround(place - 0.5);
    const low = Math.floor(from);
    return [Math.max(low, 0), Math.min(Math.ceil(from), before - 1), Math.fround(from - low)];
{% endif %}
  });
}
{% endif %}
