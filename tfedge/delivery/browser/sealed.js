// Opens what was sealed (TFS1), unwraps its key, and applies a difference (TFD1): as
// docs/delivery_format.md has them. Web Crypto, no other code.

import {hex, sha256} from './tuf.js';

const [HEADER, TAG, NONCE, SALT] = [40, 16, 12, 32];
const MOST_RANGES = 1 << 15;
const utf8 = new TextEncoder();
const ascii = (bytes) => String.fromCharCode(...bytes);

/** The content key of the model at target `name`, by the key of an audience. */
export async function unwrap(wrapped, audienceKey, name) {
  const key = await crypto.subtle.importKey('raw', audienceKey, 'AES-GCM', false, ['decrypt']);
  const how = {
    name: 'AES-GCM',
    iv: wrapped.subarray(0, NONCE),
    additionalData: utf8.encode(`tfedge-key-1 ${name}`),
  };
  const body = wrapped.subarray(NONCE);
  return new Uint8Array(await decrypted(how, key, body, 'this key does not open it'));
}

/** What was sealed under this name: throws for any other byte, order, length, key or name. */
export async function openSealed(sealed, contentKey, name) {
  const header = sealed.subarray(0, HEADER);
  need(sealed.length >= HEADER + TAG && ascii(header.subarray(0, 4)) === 'TFS1', 'no sealed file');
  const chunk = new DataView(sealed.buffer, sealed.byteOffset).getUint32(4);
  need(chunk >= 4096 && chunk <= 1 << 24 && !(chunk & (chunk - 1)), `chunks of ${chunk} bytes`);
  const key = await fileKey(header, contentKey, name);
  const count = Math.ceil(sealed.length / chunk);
  const pieces = [];
  for (let i = 0; i < count; i++) {
    const body = sealed.subarray(i ? i * chunk : HEADER, (i + 1) * chunk);
    const iv = new Uint8Array(NONCE);
    new DataView(iv.buffer).setUint32(7, i);
    iv[11] = i === count - 1 ? 1 : 0;
    const cause = `chunk ${i} is damaged, at the wrong place, or sealed by another key`;
    pieces.push(new Uint8Array(await decrypted({name: 'AES-GCM', iv}, key, body, cause)));
  }
  return joined(pieces);
}

async function fileKey(header, contentKey, name) {
  const info = joined([header, utf8.encode(name)]);
  const salt = header.subarray(HEADER - SALT);
  const base = await crypto.subtle.importKey('raw', contentKey, 'HKDF', false, ['deriveKey']);
  const how = {name: 'HKDF', hash: 'SHA-256', salt, info};
  const made = {name: 'AES-GCM', length: 256};
  return crypto.subtle.deriveKey(how, base, made, false, ['decrypt']);
}

/**
 * The file that a difference makes of an earlier one.
 * @param {Uint8Array} difference
 * @param {Uint8Array} base the earlier file
 * @param {(packed: Uint8Array, size: number) => Promise<Uint8Array>} unpack
 * @param {number} size of the new file
 */
export async function applied(difference, base, unpack, size) {
  need(ascii(difference.subarray(0, 4)) === 'TFD1', 'no difference');
  let at = 36;
  need(hex(difference.subarray(4, at)) === await sha256(base), 'a difference from another file');
  const varint = () => {
    let value = 0;
    for (let place = 0; place < 5; place++) {
      need(at < difference.length, 'it ends early');
      const byte = difference[at++];
      value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) return value;
    }
    throw new Error('a length in it is too long');
  };
  const count = varint();
  need(count <= MOST_RANGES, 'too many ranges');
  const ranges = [];
  for (let i = 0; i < count; i++) ranges.push([varint(), varint(), varint()]);
  const found = Uint8Array.from(await unpack(difference.subarray(at), size));
  let end = 0;
  for (const [gap, length, from] of ranges) {
    const start = end + gap;
    end = start + length;
    need(end <= found.length && from + length <= base.length, 'a range leaves its file');
    for (let i = 0; i < length; i++) found[start + i] += base[from + i];
  }
  return found;
}

export function joined(pieces) {
  const found = new Uint8Array(pieces.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of pieces) {
    found.set(each, at);
    at += each.length;
  }
  return found;
}

async function decrypted(how, key, body, cause) {
  try {
    return await crypto.subtle.decrypt(how, key, body);
  } catch {
    throw new Error(cause);
  }
}

function need(holds, cause) {
  if (!holds) throw new Error(`it cannot be opened: ${cause}`);
}
