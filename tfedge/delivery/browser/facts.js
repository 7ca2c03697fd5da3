// What signed files say of a channel, a model and a difference, of the right types: the fields of
// docs/delivery_format.md. What is signed and does not fit is of a later format, or another's.

import {isCount, isRecord, isText, REASONS, Refused} from './tuf.js';

const [LEAST_CHUNK, MOST_CHUNK, WHOLE_ROLLOUT] = [1 << 12, 1 << 24, 10000];
const HASH = /^[0-9a-f]{64}$/;
const utf8 = new TextDecoder('utf-8', {fatal: true});

export const VERSION = /^(\d{1,9}(\.\d{1,9})*)?$/;

/** The entries of a channel. */
export function entriesOf(bytes, model, channel) {
  const name = `${model}/${channel}.json`;
  let told;
  try {
    told = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    throw new Refused(REASONS.UNREADABLE, `${name}: ${error.message}`);
  }
  readable(isRecord(told), name);
  readable(told.schema_version === 1, `${name} is of version ${told.schema_version}`);
  if (told.model !== model || told.name !== channel) {
    throw new Refused(REASONS.ARBITRARY, `${name} says that it is ${told.model}/${told.name}`);
  }
  readable(Array.isArray(told.entries), `the entries of ${name}`);
  told.entries.forEach((each, i) => {
    const whole = isCount(each?.version, 1) && isCount(each.rollout, 0);
    const versions = isText(VERSION, each?.min_app) && isText(VERSION, each.min_runtime);
    readable(whole && versions && each.rollout <= WHOLE_ROLLOUT, `an entry of ${name}`);
    readable(typeof each.withdrawn === 'boolean', `an entry of ${name}`);
    readable(!i || each.version > told.entries[i - 1].version, `the order of ${name}`);
  });
  return told.entries;
}

/** A target, as it was signed. */
export function targetOf(targets, name) {
  if (!Object.hasOwn(targets, name)) {
    throw new Refused(REASONS.NONE, `the repository has no ${name}`);
  }
  readable(isText(HASH, targets[name].hashes.sha256), `the SHA-256 of ${name}`);
  return targets[name];
}

/** What is told of a sealed model. */
export function sealedOf(targets, name) {
  const told = fieldsOf(targets, name);
  readable(isFile(told.model) && typeof told.golden === 'string', `the model of ${name}`);
  readable(isRecord(told.keys) && isRecord(told.deltas), `the keys of ${name}`);
  readable(Object.values(told.keys).every((each) => typeof each === 'string'), `keys of ${name}`);
  return told;
}

/** What is told of a difference. */
export function deltaOf(targets, name) {
  const told = fieldsOf(targets, name);
  readable(isCount(told.base, 1) && isFile(told.base_model), `the base of ${name}`);
  return told;
}

function fieldsOf(targets, name) {
  const {custom, length} = targetOf(targets, name);
  const found = custom?.tfedge;
  readable(isRecord(found) && found.schema_version === 1, `the fields of ${name}`);
  readable(isCount(found.version, 1), `the version of ${name}`);
  const {bytes, sha256} = found.chunks ?? {};
  readable(isCount(bytes, LEAST_CHUNK) && bytes <= MOST_CHUNK, `the chunks of ${name}`);
  const count = Math.ceil(Math.max(1, length) / bytes);
  readable(Array.isArray(sha256) && sha256.length === count, `the chunks of ${name}`);
  readable(sha256.every((each) => isText(HASH, each)), `the chunks of ${name}`);
  return found;
}

const isFile = (told) => isCount(told?.length, 0) && isText(HASH, told.sha256);

function readable(holds, what) {
  if (!holds) throw new Refused(REASONS.UNREADABLE, `not as it should be: ${what}`);
}
