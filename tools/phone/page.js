// Fetches everything, then measures without the network, then sends the result back once.

import {describe} from './device.js';
import {Model, startRuntime} from './model.js';
import {sha256} from './sha256.js';
import {time} from './timing.js';

const at = (id) => document.getElementById(id);
const said = []; // the runtime's own last words, which tell what it cannot do
for (const level of ['warn', 'error']) {
  const before = console[level];
  console[level] = (...words) => {
    said.push(words.map(String).join(' '));
    before.apply(console, words);
  };
}

/** A step that could not be done; `kind` is "runtime", "model" or "send". */
class Failure extends Error {
  constructor(kind, cause) {
    super(words(cause));
    this.kind = kind;
  }
}

function words(cause) {
  const own = cause instanceof Error ? cause.message : String(cause);
  const heard = said.filter((line) => /error|unsupported|not |fail/i.test(line)).slice(-3);
  return [own, ...heard].join('; ').slice(0, 500);
}

function show(state, badge, sentence) {
  document.querySelector('main').dataset.state = state;
  at('badge').textContent = badge;
  at('sentence').textContent = sentence;
}

function offer(text, action) {
  at('act').textContent = text;
  at('act').hidden = false;
  at('act').onclick = () => {
    at('act').hidden = true;
    action();
  };
}

/** Shows how far it is and lets the browser draw. */
async function progress(step, done) {
  at('step').textContent = step;
  at('bar').value = done;
  await new Promise((resume) => setTimeout(resume, 0));
}

async function bytesOf(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Everything there is to fetch. */
async function prepare() {
  const [job, model, inputs, build] = await Promise.all([
    fetch('job.json').then((answer) => answer.json()),
    bytesOf('model.tflite'),
    bytesOf('inputs'),
    startRuntime(),
  ]);
  return {job, model, inputs, build};
}

/** The result, or a Failure. */
async function measure({job, model, inputs, build}) {
  await progress('Checking the file', 0.02);
  const hash = sha256(model);
  const result = {
    schema_version: 1,
    model_sha256: hash,
    build,
    device: await describe(),
  };
  if (hash !== job.model.sha256) throw new Failure('model', 'the file did not arrive as it was sent');
  try {
    return {...result, ...(await run(job, model, inputs))};
  } catch (cause) {
    throw Object.assign(new Failure('model', cause), {result});
  }
}

async function run(job, bytes, inputs) {
  await progress('Loading the model', 0.04);
  let from = performance.now();
  const model = await Model.open(bytes);
  const loadMs = performance.now() - from;
  const examples = split(job, inputs, model.inputNames);
  model.feed(examples[0]);
  from = performance.now();
  model.drop(await model.run());
  const firstMs = performance.now() - from;
  const outputs = await answers(model, examples, job.outputs);
  model.feed(examples[0]);
  const once = async () => model.drop(await model.run());
  const timed = await time(once, (done) => progress('Measuring the time', 0.3 + 0.7 * done));
  return {load_ms: loadMs, first_ms: firstMs, ...timed, outputs};
}

/** For each example the bytes of each input, in the model's order. */
function split(job, inputs, names) {
  const examples = [];
  for (let offset = 0; offset < inputs.length;) {
    const byName = {};
    for (const {name, bytes} of job.inputs) {
      byName[name] = inputs.subarray(offset, offset + bytes);
      offset += bytes;
    }
    // A file without names is fed in the order of its inputs.
    const parts = Object.values(byName);
    examples.push(names.map((name, i) => byName[name] ?? parts[i]));
  }
  return examples;
}

/** Output name -> what the model answers to all examples, one after another, in base64. */
async function answers(model, examples, names) {
  const found = model.outputNames.map(() => []);
  for (const [done, example] of examples.entries()) {
    await progress(`Example ${done + 1} of ${examples.length}`, 0.05 + 0.25 * done / examples.length);
    model.feed(example);
    const outputs = await model.run();
    model.read(outputs).forEach((bytes, i) => found[i].push(bytes));
    model.drop(outputs);
  }
  return Object.fromEntries(names.map((name, i) => {
    const place = model.outputNames.indexOf(name);
    return [name, base64(found[place < 0 ? i : place])];
  }));
}

function base64(parts) {
  let text = '';
  for (const part of parts) {
    for (const byte of part) text += String.fromCharCode(byte);
  }
  return btoa(text);
}

async function send(result) {
  let answer;
  try {
    const body = JSON.stringify(result);
    answer = await fetch('result', {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
  } catch {
    throw new Failure('send', 'the computer could not be reached');
  }
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Failure('send', told.error), {final: answer.status !== 400});
  return told;
}

function table(told) {
  for (const [label, value, main] of told.rows) {
    const row = document.createElement('tr');
    const head = document.createElement('th');
    head.scope = 'row';
    head.textContent = label;
    const cell = document.createElement('td');
    cell.textContent = value;
    row.append(head, cell);
    row.classList.toggle('main', Boolean(main));
    at('rows').append(row);
  }
  at('note').textContent = told.note;
  at('found').hidden = false;
}

async function deliver(result) {
  await progress('Sending the result', 1);
  try {
    const told = await send(result);
    show(told.good ? 'done' : 'failed', told.badge, told.sentence);
    table(told);
  } catch (failure) {
    show('failed', 'Not sent', `${failure.message}.`);
    if (!failure.final) offer('Send again', () => deliver(result));
  }
}

async function start(parts) {
  show('running', 'Measuring', 'Leave this page open and the screen on. It takes a few seconds.');
  try {
    await deliver(await measure(parts));
  } catch (failure) {
    await deliver({...failure.result, failure: {kind: failure.kind, detail: failure.message}});
  }
}

async function ready() {
  try {
    const parts = await prepare();
    at('name').textContent = parts.job.name;
    const {examples, model} = parts.job;
    const size = model.bytes.toLocaleString('en');
    show('ready', 'Ready', `${size} bytes, ${examples} examples to check. Nothing more is fetched from now on.`);
    if (location.hash === '#start') start(parts);
    else offer('Start', () => start(parts));
  } catch (cause) {
    show('failed', 'This browser cannot run it', words(cause));
    await deliver({failure: {kind: 'runtime', detail: words(cause)}});
  }
}

ready();
