// Which version is used, and which was before it: values in, values out. A page is closed at any
// moment, so what ends it while it tries a version counts only when it happens again.

import {isCount, isRecord} from './tuf.js';

export const [DONE, WAITING, BEGUN] = ['done', 'waiting', 'begun'];
export const NOTHING_YET = Object.freeze({
  current: null, previous: null, firstUse: DONE, tries: 0, refused: [], probing: null,
});
const MOST_TRIES = 2;

/** What a store kept; nothing yet where that is damaged. */
export function stateOf(told) {
  const isVersion = (each) => each === null || isCount(each, 1);
  const isSound = isRecord(told) && isVersion(told.current) && isVersion(told.previous)
    && [DONE, WAITING, BEGUN].includes(told.firstUse)
    && Array.isArray(told.refused) && told.refused.every(isRecord);
  if (!isSound) return NOTHING_YET;
  const probing = isRecord(told.probing) && isCount(told.probing.times, 1) ? told.probing : null;
  return {...NOTHING_YET, ...told, probing, tries: isCount(told.tries, 0) ? told.tries : 0};
}

/** To a new version that was probed; the good one before stays. */
export function switched(state, version) {
  const isGood = ![null, version].includes(state.current) && state.firstUse === DONE;
  const before = isGood ? state.current : state.previous;
  const previous = before === version ? null : before;
  return {...state, current: version, previous, firstUse: WAITING, tries: 0, probing: null};
}

/** Where a version is not to be used: the good one before, if that is another. */
export function without(state, version) {
  if (version === state.previous) return {...state, previous: null};
  if (version !== state.current) return state;
  return {...state, current: state.previous, previous: null, firstUse: DONE, tries: 0};
}

/** Likewise, and it is not taken again here. */
export function refusing(state, version, here) {
  const {refused} = state;
  const place = {version, ...here};
  const known = isRefused(state, version, here);
  return {
    ...without(state, version), refused: known ? refused : [...refused, place], probing: null,
  };
}

export function isRefused({refused}, version, {app, runtime}) {
  return refused.some((each) =>
    each.version === version && each.app === app && each.runtime === runtime);
}

/** A probe begins. */
export function probing(state, version) {
  const times = state.probing?.version === version ? state.probing.times : 0;
  return {...state, probing: {version, times: times + 1}};
}

/** Whether the page ended each time that this version was probed. */
export function endsPages(state, version) {
  return state.probing?.version === version && state.probing.times >= MOST_TRIES;
}

/** The first use begins; or it had begun, and its page is gone. */
export function begun(state, here) {
  if (state.firstUse === WAITING) return {...state, firstUse: BEGUN, tries: 1};
  if (state.firstUse !== BEGUN || state.previous === null) return state;
  if (state.tries >= MOST_TRIES) return refusing(state, state.current, here);
  return {...state, tries: state.tries + 1};
}

/** The first use of a version went well. */
export function used(state, version) {
  return state.current === version ? {...state, firstUse: DONE, tries: 0} : state;
}

/** What ended its first use was not the version. */
export function untried(state, version) {
  const isFirst = state.current === version && state.firstUse === BEGUN;
  return isFirst ? {...state, tries: Math.max(0, state.tries - 1)} : state;
}

/** It threw, which is no page that was closed. */
export function failed(state, version) {
  const isFirst = state.current === version && state.firstUse === BEGUN;
  return isFirst ? {...state, tries: MOST_TRIES} : state;
}
