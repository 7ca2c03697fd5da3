// The client workflow of The Update Framework 1.0 (section 5 of its specification) for repositories
// as docs/delivery_format.md has them: consistent snapshots, no delegations, ECDSA P-256, SHA-256.
// Web Crypto, no other code.

export const REASONS = Object.freeze({
  OFFLINE: 'offline', POSTPONED: 'postponed', DISK: 'disk', NONE: 'none', UNREADABLE: 'unreadable',
  PROBE: 'probe', EXPIRED: 'expired', ROLLBACK: 'rollback', MIXED: 'mix and match',
  ENDLESS: 'endless data', UNSIGNED: 'not signed', DAMAGED: 'damaged metadata',
  ARBITRARY: 'arbitrary target',
});
const MOST = {root: 512000, timestamp: 16384, snapshot: 2000000, targets: 5000000};
const MOST_ROOTS = 256;
const HALF_ORDER_BYTES = 32; // of r and of s
const DEEPEST = 100; // what is nested deeper is no metadata
const text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

/** What was offered is not taken; `reason` is one of REASONS. */
export class Refused extends Error {
  constructor(reason, cause, status = 0) {
    super(`${reason}: ${cause}`);
    Object.assign(this, {name: 'Refused', reason, detail: cause, status});
  }
}

/**
 * The newest metadata, verified from `root` on against what was seen before.
 * @param {Uint8Array} root the first that is believed
 * @param {(name: string, most: number) => Promise<Uint8Array>} get fetches a metadata file; it
 *     throws a Refused, whose status is 404 or 403 where there is none
 * @param {{get: Function, put: Function}} kept what was seen before, by name
 * @param {Date} now by the clock here
 * @returns {Promise<Object<string, {length: number, hashes: Object, custom: Object}>>} the targets
 */
export async function refresh(root, get, kept, now) {
  let trusted = await read(root, 'root');
  await check(trusted, 'root', trusted);
  trusted = await newestRoot(trusted, get, kept);
  needFresh(trusted, 'root', now);
  const timestamp = await newestTimestamp(trusted, get, kept);
  needFresh(timestamp, 'timestamp', now);
  const snapshot = await named(
    trusted, 'snapshot', timestamp.signed.meta['snapshot.json'], get, kept, notOlder);
  needFresh(snapshot, 'snapshot', now);
  const told = snapshot.signed.meta['targets.json'];
  const targets = await named(trusted, 'targets', told, get, kept, () => {});
  needFresh(targets, 'targets', now);
  return targets.signed.targets;
}

async function newestRoot(trusted, get, kept) {
  for (let count = 0; count < MOST_ROOTS; count++) {
    const name = `${trusted.signed.version + 1}.root.json`;
    let bytes = await kept.get(name);
    if (bytes) {
      const before = await nextRoot(bytes, trusted).catch(() => null);
      if (before) {
        trusted = before;
        continue;
      }
    }
    try {
      bytes = await get(name, MOST.root);
    } catch (error) {
      if (error.status === 404 || error.status === 403) return trusted;
      throw error;
    }
    trusted = await nextRoot(bytes, trusted);
    await kept.put(name, bytes);
  }
  return trusted;
}

/** Signed by the root before and by itself, and one version on. */
async function nextRoot(bytes, before) {
  const root = await read(bytes, 'root');
  await check(root, 'root', before);
  if (root.signed.version !== before.signed.version + 1) {
    const told = `version ${root.signed.version} comes after ${before.signed.version}`;
    throw new Refused(REASONS.ROLLBACK, `root: ${told}`);
  }
  await check(root, 'root', root);
  return root;
}

async function newestTimestamp(root, get, kept) {
  const old = await keptOf('timestamp', root, kept);
  const bytes = await get('timestamp.json', MOST.timestamp);
  const found = await read(bytes, 'timestamp');
  await check(found, 'timestamp', root);
  if (old) {
    const versions = (each) => [each.signed.version, each.signed.meta['snapshot.json'].version];
    const [[version, snapshot], [before, snapshotBefore]] = [versions(found), versions(old)];
    if (version === before) return old;
    if (version < before || snapshot < snapshotBefore) {
      const told = `version ${version} (snapshot ${snapshot})`;
      throw new Refused(
        REASONS.ROLLBACK, `timestamp: ${told} after ${before} (${snapshotBefore})`);
    }
  }
  await kept.put('timestamp.json', bytes);
  return found;
}

/** The snapshot or the targets that other metadata name: the kept ones or those of the server. */
async function named(root, role, told, get, kept, compare) {
  const old = await keptOf(role, root, kept);
  if (old && old.signed.version === told.version && await isNamed(old.bytes, told)) return old;
  const most = told.length ?? MOST[role];
  const bytes = await get(`${told.version}.${role}.json`, most);
  if (!await isNamed(bytes, told)) {
    throw new Refused(REASONS.MIXED, `${role}: another length or hash than was signed`);
  }
  const found = await read(bytes, role);
  await check(found, role, root);
  if (old) compare(old, found);
  if (found.signed.version !== told.version) {
    throw new Refused(
      REASONS.MIXED, `${role}: version ${found.signed.version}, expected ${told.version}`);
  }
  await kept.put(`${role}.json`, bytes);
  return found;
}

function notOlder(before, found) {
  for (const [name, {version}] of Object.entries(before.signed.meta)) {
    if (!(found.signed.meta[name]?.version >= version)) {
      throw new Refused(REASONS.MIXED, `snapshot: ${name} is older than version ${version}`);
    }
  }
}

async function keptOf(role, root, kept) {
  const bytes = await kept.get(`${role}.json`);
  if (!bytes) return null;
  try {
    const found = await read(bytes, role);
    await check(found, role, root);
    return found;
  } catch {
    return null; // signed by a key that was taken back since
  }
}

async function isNamed(bytes, told) {
  if (told.length !== undefined && told.length !== bytes.length) return false;
  return told.hashes === undefined || told.hashes.sha256 === await sha256(bytes);
}

function needFresh({signed}, role, now) {
  if (!(now < new Date(signed.expires))) {
    const today = now.toISOString().slice(0, 10);
    throw new Refused(
      REASONS.EXPIRED, `${role}.json is expired; it is ${today} by the clock here`);
  }
}

/** The parts of a metadata file, of the right types; nothing is verified. */
async function read(bytes, role) {
  try {
    const {signed, signatures} = parsed(bytes);
    need(Array.isArray(signatures) && signatures.every(isSignature), 'signatures');
    const ids = signatures.map(({keyid}) => keyid);
    need(new Set(ids).size === ids.length, 'two signatures of one key');
    need(isRecord(signed) && signed._type === role, `type ${signed?._type}`);
    need(isText(/^1\.\d+(\.\d+)?$/, signed.spec_version), 'version of the specification');
    need(isCount(signed.version, 1), 'version');
    need(isText(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, signed.expires), 'expiry');
    need(new Date(signed.expires).toISOString().startsWith(signed.expires.slice(0, -1)), 'expiry');
    SHAPES[role](signed);
    return {signed, signatures, bytes, content: new TextEncoder().encode(canonical(signed))};
  } catch (error) {
    throw new Refused(REASONS.DAMAGED, `${role}: ${error.message}`);
  }
}

/** JSON as metadata are written in: UTF-8 without a mark at its start, and whole numbers only. */
export function parsed(bytes) {
  const source = text.decode(bytes);
  const found = JSON.parse(source);
  need(!/\d[.eE]/.test(source.replace(/"(?:[^"\\]|\\.)*"/g, '')), 'a number that is not whole');
  return found;
}

/** Whether it is text of this form; a pattern by itself also takes what only looks so. */
export const isText = (pattern, value) => typeof value === 'string' && pattern.test(value);
export const isCount = (value, least) => Number.isSafeInteger(value) && value >= least;
export const isRecord = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSignature = (each) => typeof each?.keyid === 'string' && typeof each.sig === 'string';
const SHAPES = {
  root({keys, roles, consistent_snapshot: consistent}) {
    need(consistent === true, 'snapshots are not consistent');
    for (const role of Object.keys(MOST)) {
      const {keyids, threshold} = roles[role];
      need(Array.isArray(keyids), `keys of ${role}`);
      need(new Set(keyids).size === keyids.length, `a key twice in ${role}`);
      need(isCount(threshold, 1), `threshold of ${role}`);
    }
    need(isRecord(keys), 'keys');
  },
  timestamp({meta}) {
    checkMeta(meta, 'snapshot.json');
  },
  snapshot({meta}) {
    checkMeta(meta, 'targets.json');
  },
  targets({targets}) {
    need(isRecord(targets), 'targets');
    for (const [name, {length, hashes}] of Object.entries(targets)) {
      need(isCount(length, 0), `length of ${name}`);
      need(isRecord(hashes), `hashes of ${name}`);
    }
  },
};

function checkMeta(meta, name) {
  need(isRecord(meta) && Object.hasOwn(meta, name), `no ${name}`);
  for (const [each, told] of Object.entries(meta)) {
    need(isCount(told.version, 1), `version of ${each}`);
    need(told.length === undefined || isCount(told.length, 0), `length of ${each}`);
    need(told.hashes === undefined || isRecord(told.hashes), `hashes of ${each}`);
  }
}

function need(holds, what) {
  if (!holds) throw new Error(`not as it should be: ${what}`);
}

/** Throws unless enough keys of a role have signed. */
async function check({signatures, content}, role, {signed: {keys, roles}}) {
  const {keyids, threshold} = roles[role];
  const good = new Set();
  for (const {keyid, sig} of signatures) {
    const isTheirs = keyids.includes(keyid) && Object.hasOwn(keys, keyid);
    if (isTheirs && await isSigned(keys[keyid], sig, content)) {
      good.add(keys[keyid].keyval.public); // one key under two names counts once
    }
  }
  if (good.size < threshold) {
    throw new Refused(REASONS.UNSIGNED, `${role} was signed by ${good.size}/${threshold} keys`);
  }
}

async function isSigned(key, signature, bytes) {
  const how = {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256'};
  try {
    if (key.scheme !== 'ecdsa-sha2-nistp256') return false;
    const body = key.keyval.public.replace(/-----[^-]+-----|\s/g, '');
    const der = Uint8Array.from(atob(body), (each) => each.charCodeAt(0));
    const imported = await crypto.subtle.importKey('spki', der, how, false, ['verify']);
    return await crypto.subtle.verify(how, imported, plain(unhex(signature)), bytes);
  } catch {
    return false;
  }
}

/** r and s, 32 bytes each, of a signature in DER: 30 LEN 02 LEN r 02 LEN s, and no more. */
function plain(der) {
  const found = new Uint8Array(2 * HALF_ORDER_BYTES);
  need(der[0] === 0x30 && der[1] === der.length - 2 && der.length < 128, 'signature');
  let at = 2;
  for (const end of [HALF_ORDER_BYTES, 2 * HALF_ORDER_BYTES]) {
    const length = der[at + 1];
    need(der[at] === 2 && length > 0 && at + 2 + length <= der.length, 'signature');
    let number = der.subarray(at + 2, at + 2 + length);
    while (number.length > HALF_ORDER_BYTES && number[0] === 0) number = number.subarray(1);
    need(number.length <= HALF_ORDER_BYTES, 'signature');
    found.set(number, end - number.length);
    at += 2 + length;
  }
  need(at === der.length, 'signature');
  return found;
}

/**
 * Canonical JSON (OLPC): keys in order, no white space, only quotes and backslashes escaped. Throws
 * for what has none: numbers that are not whole or not exact here, halves of characters.
 */
export function canonical(value, depth = 0) {
  need(depth < DEEPEST, `nested deeper than ${DEEPEST}`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') {
    need(!/\p{Surrogate}/u.test(value), 'half of a character');
    return `"${value.replace(/["\\]/g, '\\$&')}"`;
  }
  if (typeof value === 'number') {
    need(Number.isSafeInteger(value), `the number ${value}`);
    return String(value);
  }
  const each = (inner) => canonical(inner, depth + 1);
  if (Array.isArray(value)) return `[${value.map(each).join(',')}]`;
  const keys = Object.keys(value).sort(byCodePoints);
  return `{${keys.map((key) => `${each(key)}:${each(value[key])}`).join(',')}}`;
}

function byCodePoints(first, second) {
  const [a, b] = [Array.from(first), Array.from(second)];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i].codePointAt(0) - b[i].codePointAt(0);
  }
  return a.length - b.length;
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** Two digits each. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function unhex(digits) {
  need(/^([0-9a-fA-F]{2})+$/.test(digits), 'hexadecimal digits');
  return Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
}
