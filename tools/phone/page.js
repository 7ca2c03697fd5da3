// Fetches everything, then measures without the network, then sends the result back once.

import {describe} from './device.js';
import {Model, startRuntime} from './model.js';
import {sha256} from './sha256.js';
import {time} from './timing.js';

const at = (id) => document.getElementById(id);
const MOST_LINES = 100;
const said = []; // the runtime's own last words, which tell what it cannot do
for (const level of ['warn', 'error']) {
  const before = console[level];
  console[level] = (...words) => {
    if (said.length < MOST_LINES) said.push(words.map(String).join(' '));
    before.apply(console, words);
  };
}

/** What was thrown, and what the runtime said before. */
function words(cause) {
  const own = cause instanceof Error ? cause.message : String(cause);
  const wrong = said.filter((line) => line.startsWith('ERROR') && !line.includes(own));
  const heard = [...new Set(wrong)].map((line) => line.replace(/^ERROR: (\[[^\]]*\] )?/, ''));
  return [own, ...heard.reverse()].join('; ').slice(0, 500);
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

/** The result; a model that cannot be loaded or run is one too. */
async function measure({job, model, inputs, build}) {
  await progress('Checking the file', 0.02);
  const hash = sha256(model);
  if (hash !== job.model.sha256) throw new Error('The file did not arrive as it was sent');
  const result = {schema_version: 1, model_sha256: hash, build, device: await describe()};
  let kind = 'load';
  try {
    await progress('Loading the model', 0.04);
    const from = performance.now();
    const opened = await Model.open(model);
    const loadMs = performance.now() - from;
    kind = 'run';
    return {...result, load_ms: loadMs, ...(await run(job, opened, inputs))};
  } catch (cause) {
    return {...result, failure: {kind, detail: words(cause)}};
  }
}

async function run(job, model, inputs) {
  const examples = split(job, inputs, model.inputNames);
  model.feed(examples[0]);
  const heard = said.length;
  const from = performance.now();
  model.drop(await model.run());
  const firstMs = performance.now() - from;
  // An operator it lacks is not thrown: it is logged, and the outputs stay as they were.
  if (said.slice(heard).some((line) => line.startsWith('ERROR'))) throw new Error('The run failed');
  const outputs = await answers(model, examples, job.outputs);
  model.feed(examples[0]);
  const once = async () => model.drop(await model.run());
  const timed = await time(once, (done) => progress('Measuring the time', 0.3 + 0.7 * done));
  return {first_ms: firstMs, ...timed, outputs};
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

/** What the computer makes of it; throws an Error, `final` where it is of no use to try again. */
async function send(result) {
  let answer;
  try {
    const body = JSON.stringify(result);
    answer = await fetch('result', {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
  } catch {
    throw new Error('The computer could not be reached');
  }
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error), {final: true});
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
  at('table').hidden = !told.rows.length;
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
    const rest = failure.final ? '' : ' The result waits in this tab.';
    show('failed', 'Not sent', `${failure.message}.${rest}`);
    if (!failure.final) offer('Send again', () => deliver(result));
  }
}

async function start(parts) {
  said.length = 0; // what it said while starting is about accelerators that are not asked for
  show('running', 'Measuring', 'Leave this page open and the screen on. It takes a few seconds.');
  try {
    await deliver(await measure(parts));
  } catch (cause) {
    show('failed', 'Not measured', `${words(cause)}.`);
    offer('Load again', () => location.reload());
  }
}

async function ready() {
  let parts;
  try {
    parts = await prepare();
  } catch (cause) {
    show('failed', 'Not started', `The page could not be made ready: ${words(cause)}.`);
    at('more').classList.add('shown');
    return;
  }
  const {examples, model, name} = parts.job;
  const size = model.bytes.toLocaleString('en');
  at('name').textContent = name;
  show('ready', 'Ready', `${size} bytes, ${examples} examples to check. Nothing more is fetched from now on.`);
  if (location.hash === '#start') start(parts);
  else offer('Start', () => start(parts));
}

ready();
