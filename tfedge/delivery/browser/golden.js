// The examples that come with a version, golden.npz, as its model takes them: a zip of .npy arrays.
// They are compared with what was signed before; still nothing here believes a length in them.

const [MOST_BYTES, END_BYTES, ENTRY_BYTES] = [1 << 26, 22, 46];
const [STORED, DEFLATED] = [0, 8];
const TYPES = {'|u1': 'uint8', '|i1': 'int8', '<i4': 'int32', '<f4': 'float32'};
const text = new TextDecoder();

/**
 * The tensors of each example, one after another: inputs and then outputs, as golden.bin has them.
 * @param {Uint8Array} golden golden.npz
 * @param {{name: string, dtype: string, count: number}[]} inputs of the model, in this order
 * @param {{name: string, dtype: string, count: number}[]} outputs likewise
 * @returns {Promise<{bytes: Uint8Array, tolerances: number[]}>} the tolerances of the outputs
 */
export async function inOrder(golden, inputs, outputs) {
  const files = entries(golden);
  const about = JSON.parse(text.decode(array(await content(files, 'about')).bytes));
  need(about.schema_version === 1, `they are of version ${about.schema_version}`);
  need(Number.isSafeInteger(about.examples), `${about.examples} examples`);
  const tolerances = [];
  const arrays = [];
  for (const [ends, told] of [[inputs, about.inputs], [outputs, about.outputs]]) {
    for (const {name, dtype, count} of ends) {
      const there = told.find((each) => each.name === name);
      const found = there && array(await content(files, there.array));
      const size = about.examples * count;
      need(size > 0 && found?.dtype === dtype && found.count === size,
        `no '${name}' of ${count} ${dtype}`);
      arrays.push({bytes: found.bytes, size: found.bytes.length / about.examples});
      if (ends !== outputs) continue;
      need(Number.isFinite(there.tolerance) && there.tolerance >= 0, `the tolerance of '${name}'`);
      tolerances.push(there.tolerance);
    }
  }
  const rows = Array.from({length: about.examples}, (_, row) =>
    arrays.map(({bytes, size}) => bytes.subarray(row * size, (row + 1) * size))).flat();
  return {bytes: new Uint8Array(await new Blob(rows).arrayBuffer()), tolerances};
}

/** Where each file of a zip lies, by the directory at its end. */
function entries(zip) {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.length);
  const end = zip.length - END_BYTES;
  need(end >= 0 && view.getUint32(end, true) === 0x06054b50, 'no zip');
  const found = new Map();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    need(at + ENTRY_BYTES <= end, 'no zip');
    const [name, more, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const key = text.decode(zip.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + name));
    const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const local = view.getUint32(at + 42, true);
    need(size <= MOST_BYTES && local + 30 <= end, `${key} is too large`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    found.set(key, {
      method: view.getUint16(at + 10, true), size, bytes: zip.subarray(start, start + packed),
    });
    at += ENTRY_BYTES + name + more + comment;
  }
  return found;
}

async function content(files, name) {
  const file = files.get(`${name}.npy`);
  need(file && [STORED, DEFLATED].includes(file.method), `no ${name}`);
  if (file.method === STORED) return file.bytes;
  const found = new Uint8Array(file.size);
  let at = 0;
  const stream = new Blob([file.bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  for (const reader = stream.getReader(); ;) {
    const {done, value} = await reader.read();
    if (done) break;
    need(at + value.length <= file.size, `${name} is longer than it says`);
    found.set(value, at);
    at += value.length;
  }
  need(at === file.size, `${name} ends early`);
  return found;
}

/** An array of NumPy's format, versions 1 to 3, in C order. */
function array(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  need(bytes.length > 12 && view.getUint32(0) === 0x934e554d, 'no array');
  const wide = bytes[6] > 1;
  const start = wide ? 12 + view.getUint32(8, true) : 10 + view.getUint16(8, true);
  const header = text.decode(bytes.subarray(wide ? 12 : 10, start));
  const told = /'descr': '([^']+)', 'fortran_order': False, 'shape': \(([\d, ]*)\)/.exec(header);
  need(told && told[1] in TYPES, 'no array that is known here');
  const sizes = told[2].split(',').filter((each) => each.trim()).map(Number);
  const count = sizes.reduce((product, size) => product * size, 1);
  const body = bytes.subarray(start);
  need(body.length === count * (told[1].endsWith('4') ? 4 : 1), 'an array of another length');
  return {dtype: TYPES[told[1]], count, bytes: body};
}

function need(holds, cause) {
  if (!holds) throw new Error(`its examples cannot be read: ${cause}`);
}
