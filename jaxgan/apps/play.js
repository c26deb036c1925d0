// The page of `jaxgan play`: controls make a wish, the server makes its picture.

const find = (id) => document.getElementById(id);
const LAST = 4294967294, FRAMES = 24, THUMBS = 8, REACH = 4;
let about = null;

// The server.

async function ask(path, body, signal) {
  if (body?.size > about?.largest) {
    throw new Error(`A file may have ${about.largest >> 20} MB, this has ${body.size >> 20} MB.`);
  }
  let answer;
  try {
    const type = body instanceof Blob ? 'application/octet-stream' : 'application/json';
    answer = await fetch(path, body === undefined ? {} : {
      method: 'POST', body, signal, headers: { 'Content-Type': type },
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The program does not answer: start jaxgan play again.');
  }
  if (!answer.ok) throw new Error(await reason(answer));
  return answer;
}

async function reason(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `The program answered ${answer.status}.`;
  }
}

function say(text) {
  find('message').textContent = text;
  find('message').hidden = !text;
}

// Runs an action, and returns whether it went well; its error is one line in the page.
async function trying(action) {
  try {
    await action();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

// Shows a blob in an image, and forgets the one before.
function show(image, blob) {
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  if (before.startsWith('blob:')) URL.revokeObjectURL(before);
}

// What is wished, and the address that keeps it.

const first = () => ({
  seed: 0, found: '', label: 0, psi: about.psi ?? 1, path: [], moves: [], codes: {},
  mixPart: '', mixSeed: 1,
});
let state = {};

function wish(of = state) {
  const { seed, found, label, path, moves, codes } = of;
  const given = { seed, found, label, path, moves, codes };
  if (about.psi !== null) given.psi = of.psi;
  if (of.mixPart !== '') given.mix = [of.mixSeed, Number(of.mixPart)];
  return given;
}

const image = async (of) => (await ask('image', JSON.stringify(wish(of)))).blob();

function keep() {
  const lasting = state.found ? [] : Object.entries(first()); // a found picture ends with the server
  const changed = lasting.filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(state[name]));
  const words = changed.map(([name]) => [name, JSON.stringify(state[name])]);
  history.replaceState(null, '', words.length ? `#${new URLSearchParams(words)}` : location.pathname);
}

function kept() {
  const usual = first(), wrong = [];
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    try {
      const value = JSON.parse(text);
      const fits = name in usual && typeof value === typeof usual[name] &&
        Array.isArray(value) === Array.isArray(usual[name]) && value !== null;
      if (!fits) throw new Error();
      usual[name] = value;
    } catch {
      wrong.push(name);
    }
  }
  if (wrong.length) say(`The address has settings that this page does not know: ${wrong.join(', ')}.`);
  return usual;
}

// Changes, and undo. Those of one slider in a row are one.

const past = [];
let lastKey = '', lastTime = 0;

function change(key, edit) {
  const now = performance.now();
  if (key !== lastKey || now - lastTime > 1500) past.push(structuredClone(state));
  [lastKey, lastTime] = [key, now];
  edit();
  say('');
  changed();
}

function undo() {
  if (!past.length) return;
  [state, lastKey] = [past.pop(), ''];
  changed();
}

let wanted = 0, drawn = 0, drawing = false, timer = 0;

function changed() {
  wanted += 1;
  keep();
  synchronize();
  if (!drawing) draw();
}

// Draws until the picture is the one that is wanted now: moves in between are skipped.
async function draw() {
  drawing = true;
  let well = true;
  while (drawn !== wanted) {
    const version = wanted;
    well = await trying(async () => {
      const blob = await image();
      show(find('picture'), blob);
      find('save').href = find('picture').src;
      const words = described();
      find('picture').alt = `Generated picture: ${words}`;
      find('caption').textContent = words;
      document.body.dataset.pictures = Number(document.body.dataset.pictures || 0) + 1;
    });
    drawn = version;
  }
  drawing = false;
  clearTimeout(timer);
  if (well) timer = setTimeout(nearby, 250);
}

const steps = () => `${state.path.length} ${state.path.length === 1 ? 'step' : 'steps'}`;

function described() {
  const words = [state.found ? 'found for your picture' : `seed ${state.seed}`];
  if (about.labels.length) words.push(`class ${about.labels[state.label]}`);
  if (state.path.length) words.push(`${steps()} from it`);
  const moved = state.moves.flatMap((value, i) => (value ? [`direction ${i + 1}: ${value}`] : []));
  return [...words, ...moved].join(', ');
}

// Controls show the state.

function synchronize() {
  for (const [id, value] of Object.entries({
    seed: state.seed, label: state.label, psi: state.psi, 'mix-part': state.mixPart,
    'mix-seed': state.mixSeed,
  })) if (document.activeElement !== find(id) || find(id).type !== 'number') find(id).value = value;
  for (const input of document.querySelectorAll('#directions input')) {
    input.value = state.moves[input.dataset.i] || 0;
  }
  for (const input of document.querySelectorAll('#codes [data-code]')) {
    input.value = state.codes[input.dataset.code] ?? (input.type === 'range' ? 0 : '');
    const output = input.parentNode.querySelector('output');
    if (output) output.textContent = state.codes[input.dataset.code] ?? 'as drawn';
  }
  document.querySelectorAll('#latents output').forEach((output) => {
    const input = output.htmlFor.length && find(output.htmlFor.value);
    if (input && !input.dataset.code && input.id !== 'film-time') output.textContent = input.value;
  });
  find('undo').disabled = !past.length;
  find('start').textContent = state.found ? 'The picture starts at the one found for yours; a seed starts anew.'
    : state.path.length ? `${steps()} away from this seed.` : '';
}

const start = (seed) => Object.assign(state, { seed, found: '', path: [] });
const seedIn = (input) => {
  const seed = Number(input.value);
  if (input.value !== '' && Number.isInteger(seed) && seed >= 0 && seed <= LAST) return seed;
  say(`A seed is a whole number from 0 to ${LAST}.`);
  return null;
};

function slider(label, id, options) {
  const row = document.createElement('div'), name = document.createElement('label');
  const input = document.createElement('input'), output = document.createElement('output');
  row.className = 'slider';
  Object.assign(name, { htmlFor: id, textContent: label });
  Object.assign(input, { id, type: 'range', ...options });
  output.htmlFor = id;
  output.textContent = input.value;
  row.append(name, input, output);
  return { row, input, output };
}

function addDirections(count) {
  for (let i = 0; i < count; i++) {
    const { row, input } = slider(`Direction ${i + 1}`, `direction-${i + 1}`, {
      min: -REACH, max: REACH, step: 0.1, value: state.moves[i] || 0,
    });
    input.dataset.i = i;
    input.addEventListener('input', () => change(input.id, () => {
      while (state.moves.length < count) state.moves.push(0);
      state.moves[i] = Number(input.value);
    }));
    find('directions').append(row);
  }
  find('directions-set').hidden = !count;
}

function addCodes() {
  for (const [name, choices] of Object.entries(about.codes)) {
    if (choices === null) continue;
    const { row, input } = slider(name, `code-${name}`, { min: -1, max: 1, step: 0.05, value: 0 });
    let control = input;
    if (choices) {
      control = document.createElement('select');
      control.id = input.id;
      control.append(new Option('as drawn', ''));
      for (let i = 0; i < choices; i++) control.append(new Option(i, i));
      input.replaceWith(control);
      row.querySelector('output').remove();
    }
    control.dataset.code = name;
    control.addEventListener('input', () => change(control.id, () => {
      if (control.value === '') delete state.codes[name];
      else state.codes[name] = control.value;
    }));
    find('codes').append(row);
    find('codes-set').hidden = false;
  }
}

// Nearby pictures.

let round = 0;

async function nearby() {
  const version = wanted, small = find('near-kind').value === 'steps';
  find('distance-row').hidden = !small;
  const t = Number(find('distance').value), box = find('thumbs'), at = round;
  while (box.children.length < THUMBS) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(document.createElement('img'));
    box.append(button);
  }
  const still = () => version === wanted && at === round && t === Number(find('distance').value);
  await trying(async () => {
    for (const [i, button] of [...box.children].entries()) {
      const seed = small ? 1000 + round * THUMBS + i : (state.seed + 1 + round * THUMBS + i) % (LAST + 1);
      const other = structuredClone(state);
      if (small) other.path.push([seed, t]);
      else Object.assign(other, { seed, found: '', path: [] });
      const blob = await image(other);
      if (!still()) return;
      show(button.firstChild, blob);
      button.firstChild.alt = '';
      button.setAttribute('aria-label', small ? `Go to neighbor ${i + 1}` : `Go to seed ${seed}`);
      button.onclick = () => change('near', () => { state = other; });
    }
    document.body.dataset.nearby = version;
  });
}

// A film.

let frames = [], playing = 0;

async function makeFilm() {
  const to = seedIn(find('film-seed'));
  if (to === null) return;
  find('film-make').disabled = true;
  stopFilm();
  await trying(async () => {
    const from = structuredClone(state), made = [];
    for (let i = 0; i < FRAMES; i++) {
      made.push(await image({ ...from, path: [...from.path, [to, i / (FRAMES - 1)]] }));
      find('status').textContent = `Frame ${i + 1} of ${FRAMES}`;
    }
    frames.forEach(URL.revokeObjectURL);
    frames = made.map((blob) => URL.createObjectURL(blob));
    find('film').hidden = false;
    find('film-save').onclick = () => trying(async () => {
      const gif = await ask(`film?to=${to}`, JSON.stringify(wish(from)));
      saveAs(await gif.blob(), 'film.gif');
    });
    showFrame(0);
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) playFilm();
  });
  find('film-make').disabled = false;
}

function showFrame(i) {
  find('film-picture').src = frames[i];
  find('film-picture').alt = `Frame ${i + 1} of ${FRAMES} of the film`;
  find('film-time').value = i;
  find('film-time').nextElementSibling.textContent = `${Math.round(100 * i / (FRAMES - 1))} %`;
}

function playFilm() {
  let step = 1;
  find('film-play').textContent = 'Pause';
  playing = setInterval(() => {
    const at = Number(find('film-time').value);
    if (at + step < 0 || at + step >= FRAMES) step = -step;
    showFrame(at + step);
  }, 80);
}

function stopFilm() {
  clearInterval(playing);
  playing = 0;
  find('film-play').textContent = 'Play';
}

function saveAs(blob, name) {
  const link = document.createElement('a');
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Before and after: the slider moves the line between two pictures.

function compare(before, after, names) {
  const box = document.createElement('div'), both = document.createElement('div');
  const [under, over] = [after, before].map((url, i) => Object.assign(new Image(), { src: url, alt: names[1 - i] }));
  const rule = document.createElement('div'), input = document.createElement('input');
  const sides = document.createElement('div');
  box.className = 'compare';
  both.className = 'both';
  [under.className, over.className] = ['under', 'over'];
  rule.className = 'rule';
  sides.className = 'sides';
  under.addEventListener('load', () => [under, over].forEach(
    (one) => one.classList.toggle('fine', under.naturalWidth >= 128)));
  Object.assign(input, { type: 'range', min: 0, max: 100, value: 50 });
  input.setAttribute('aria-label', `Line between: ${names[0]}, ${names[1]}`);
  const move = () => both.style.setProperty('--at', `${input.value}%`);
  input.addEventListener('input', move);
  const drag = (event) => {
    if (event.buttons !== 1) return;
    const at = both.getBoundingClientRect();
    input.value = 100 * (event.clientX - at.left) / at.width;
    move();
    event.preventDefault();
  };
  both.addEventListener('pointerdown', drag);
  both.addEventListener('pointermove', drag);
  names.forEach((name) => sides.append(Object.assign(document.createElement('span'), { textContent: name })));
  both.append(under, over, rule);
  box.append(both, sides, input);
  return box;
}

// A picture of the user.

let search = null;

async function findPicture() {
  const file = find('upload').files[0];
  if (!file) return;
  search?.abort();
  search = new AbortController();
  const mine = search;
  find('search').hidden = false;
  find('search-progress').removeAttribute('value');
  say('');
  try {
    const answer = await ask(`find?label=${state.label}`, file, mine.signal);
    const result = await lines(answer.body.getReader(), (told) => {
      Object.assign(find('search-progress'), { max: told.total, value: told.done });
    });
    change('found', () => Object.assign(state, {
      found: result.found, path: [], moves: [], mixPart: '', psi: 1, codes: {},
    }));
    const made = URL.createObjectURL(await image());
    const words = compare(result.target, made, ['Your picture', 'The nearest picture found']);
    const near = document.createElement('p');
    Object.assign(near, { className: 'quiet', textContent: `They agree to ${result.decibels} dB (PSNR).` });
    find('found').replaceChildren(words, near);
    find('found').hidden = false;
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message);
  }
  if (mine === search) find('search').hidden = true;
}

// Reads lines of JSON; returns the result, which is the last.
async function lines(reader, tell) {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: !done });
    const whole = text.split('\n');
    text = whole.pop();
    for (const told of whole.map((one) => JSON.parse(one))) {
      if (told.error) throw new Error(told.error);
      if (told.found) return told;
      tell(told);
    }
    if (done) throw new Error('The program ended during the search: start jaxgan play again.');
  }
}

let converting = 0;

async function convert() {
  const file = find('source').files[0];
  if (!file) return;
  const mine = ++converting, way = find('way').value;
  find('working').hidden = false;
  say('');
  await trying(async () => {
    const answer = await ask(`convert?way=${encodeURIComponent(way)}`, file);
    const blob = await answer.blob();
    if (mine !== converting) return;
    document.querySelectorAll('#compared img').forEach((one) => URL.revokeObjectURL(one.src));
    const made = URL.createObjectURL(blob);
    const names = ['Before', about.ways[way] > 1 ? `After, ${about.ways[way]} times as large` : `After, ${way}`];
    find('compared').replaceChildren(compare(URL.createObjectURL(file), made, names));
    Object.assign(find('save-made'), { href: made, hidden: false });
    document.body.dataset.pictures = Number(document.body.dataset.pictures || 0) + 1;
  });
  if (mine === converting) find('working').hidden = true;
}

function takeDrops(input) {
  const over = (event, on) => {
    event.preventDefault();
    document.body.classList.toggle('dropping', on);
  };
  document.addEventListener('dragover', (event) => over(event, true));
  document.addEventListener('dragleave', (event) => over(event, false));
  document.addEventListener('drop', (event) => {
    over(event, false);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event('change'));
  });
}

// The beginning.

function on(id, event, action) {
  find(id).addEventListener(event, () => action(find(id)));
}

function listen() {
  const go = (seed) => change('seed', () => start(Math.min(Math.max(seed, 0), LAST)));
  on('seed', 'input', (input) => input.value !== '' && seedIn(input) !== null && go(Number(input.value)));
  on('previous', 'click', () => go(state.seed - 1));
  on('next', 'click', () => go(state.seed + 1));
  on('random', 'click', () => go(Math.floor(Math.random() * 1e6)));
  on('label', 'input', (input) => change('label', () => { state.label = Number(input.value); }));
  on('psi', 'input', (input) => change('psi', () => { state.psi = Number(input.value); }));
  on('mix-part', 'input', (input) => change('mix', () => { state.mixPart = input.value; }));
  on('mix-seed', 'input', (input) => {
    const seed = seedIn(input);
    if (seed !== null) change('mix', () => { state.mixSeed = seed; });
  });
  on('center', 'click', () => change('center', () => { state.moves = []; }));
  on('undo', 'click', undo);
  on('reset', 'click', () => change('reset', () => { state = first(); }));
  const anew = () => { clearTimeout(timer); timer = setTimeout(nearby, 100); };
  on('near-kind', 'input', () => { round = 0; anew(); });
  on('more', 'click', () => { round += 1; anew(); });
  on('distance', 'input', (input) => { input.nextElementSibling.textContent = input.value; anew(); });
  on('film-make', 'click', makeFilm);
  on('film-play', 'click', () => (playing ? stopFilm() : playFilm()));
  on('film-time', 'input', (input) => { stopFilm(); showFrame(Number(input.value)); });
  on('upload', 'change', findPicture);
  on('search-stop', 'click', () => { search.abort(); find('search').hidden = true; });
  find('controls').addEventListener('submit', (event) => event.preventDefault());
  takeDrops(find('upload'));
}

async function exploring() {
  about.labels.forEach((name, i) => find('label').append(new Option(name, i)));
  find('label-set').hidden = !about.labels.length;
  find('psi-set').hidden = about.psi === null;
  find('mix-set').hidden = !about.mix;
  for (const id of ['picture', 'film-picture']) find(id).classList.toggle('fine', about.size >= 128);
  state = kept();
  addCodes();
  listen();
  find('latents').hidden = false;
  changed();
  const { count } = await (await ask('directions')).json();
  addDirections(count);
}

function translating() {
  Object.keys(about.ways).forEach((name) => find('way').append(new Option(name, name)));
  find('way-set').hidden = Object.keys(about.ways).length < 2;
  on('way', 'input', convert);
  on('source', 'change', convert);
  find('converting').addEventListener('submit', (event) => event.preventDefault());
  takeDrops(find('source'));
  find('images').hidden = false;
}

await trying(async () => {
  about = await (await ask('about')).json();
  find('title').textContent = about.title;
  document.title = `${about.title}: jaxgan play`;
  await (about.ways ? translating() : exploring());
});
