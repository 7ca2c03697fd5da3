// How the inputs and outputs of a .tflite are coded, read from the file: another training moves
// scales, and code that goes on with those of the version before would be wrong in silence.

const [METADATA, SIGNATURES, SUBGRAPHS, BUFFERS] = [6, 7, 2, 4]; // fields of the schema's Model
const RAW = 'tfedge.input';
const text = new TextDecoder();

/**
 * The codes of a delivered model's ends, where it fits the code that is to run it.
 * @param {Uint8Array} file
 * @param {{name: string, given: string, scale: number, zeroPoint: number}[]} inputs as that code
 *     knows them
 * @param {{name: string, given: string, scale: number, zeroPoint: number}[]} outputs likewise
 * @param {boolean} takesRaw whether it leaves the normalization to the file
 * @returns {{inputs: {scale: number, zeroPoint: number}[], outputs: Object[]}} in their order
 */
export function codesOf(file, inputs, outputs, takesRaw) {
  const model = table(new DataView(file.buffer, file.byteOffset, file.length));
  need(raw(model) === takesRaw, `its normalization is ${takesRaw ? 'not ' : ''}in the file`);
  const [signature] = model.tables(SIGNATURES);
  need(signature, 'no signature');
  const tensors = model.tables(SUBGRAPHS)[signature.number(4)].tables(0);
  const read = (ends, field) => ends.map(({name, given, scale, zeroPoint}) => {
    const there = signature.tables(field).find((each) => each.text(0) === name);
    need(there, `no '${name}'`);
    const found = codes(tensors[there.number(1)]);
    const isSame = found.scale === Math.fround(scale) && found.zeroPoint === zeroPoint;
    need(isSame || (given === 'real' && found.scale && scale), `'${name}' has other codes`);
    return found;
  });
  return {inputs: read(inputs, 0), outputs: read(outputs, 1)};
}

function codes(tensor) {
  const told = tensor.table(4);
  const [scale, zeroPoint] = [told?.vector(2), told?.vector(3)];
  return {
    scale: scale?.count ? scale.view.getFloat32(scale.start, true) : 0,
    zeroPoint: zeroPoint?.count ? zeroPoint.view.getInt32(zeroPoint.start, true) : 0,
  };
}

/** Whether the file normalizes by itself, which its metadata tell. */
function raw(model) {
  const told = model.tables(METADATA).find((each) => each.text(0) === RAW);
  if (!told) return false;
  const data = model.tables(BUFFERS)[told.number(1)].vector(0);
  return JSON.parse(text.decode(data.bytes)).raw === true;
}

/** A table of a flatbuffer: the root's, or one at a place. */
function table(view, at = view.getUint32(0, true)) {
  const fields = at - view.getInt32(at, true);
  const place = (field) => {
    const slot = 4 + 2 * field;
    const offset = slot < view.getUint16(fields, true) ? view.getUint16(fields + slot, true) : 0;
    return offset && at + offset;
  };
  const pointed = (from) => from + view.getUint32(from, true);
  const vector = (field) => {
    const from = place(field) && pointed(place(field));
    if (!from) return undefined;
    const [start, count] = [from + 4, view.getUint32(from, true)];
    return {
      view, start, count,
      get bytes() { return new Uint8Array(view.buffer, view.byteOffset + start, count); },
    };
  };
  return {
    vector,
    number: (field) => (place(field) ? view.getUint32(place(field), true) : 0),
    text: (field) => text.decode(vector(field)?.bytes),
    table: (field) => (place(field) ? table(view, pointed(place(field))) : undefined),
    tables(field) {
      const {start, count} = vector(field) ?? {start: 0, count: 0};
      return Array.from({length: count}, (_, i) => table(view, pointed(start + 4 * i)));
    },
  };
}

function need(holds, cause) {
  if (!holds) throw new Error(`it does not fit this code: ${cause}; write it again for it`);
}
