'use strict';
// The page: controls, the address, the loop of frames, and what the pictures say in words.

const page = (() => {
  const BUDGET = 26; // milliseconds of training in one frame, so that the page stays responsive
  const KEPT = 400; // points of each curve
  const find = (id) => document.getElementById(id);

  // The sliders, and whether a change starts anew.
  const decades = (from, to) => {
    const all = [];
    for (let e = from; e < to; e++) for (const m of [1, 2, 3, 5]) all.push(Number(`${m}e${e}`));
    return [...all, Number(`1e${to}`)];
  };
  const sliders = {
    weight: ['Weight of the penalty', [0, ...decades(-3, 2)]],
    generatorRate: ["Generator's learning rate", decades(-5, -1)],
    criticRate: ["Critic's learning rate", decades(-5, -1)],
    criticSteps: ["Critic's updates in each step", [1, 2, 3, 4, 5, 6, 8, 10]],
    batch: ['Batch (points in one step)', [4, 8, 16, 32, 64, 128, 256]],
    generatorUnits: ["Generator's units in a layer", [2, 4, 8, 16, 32, 64, 128], true],
    criticUnits: ["Critic's units in a layer", [2, 4, 8, 16, 32, 64, 128], true],
    seed: ['Seed of the random numbers', Array.from({ length: 100 }, (_, i) => i), true],
  };
  const selects = { data: true, objective: false, penalty: false };
  const formulas = {
    minimax:
      'Critic: E softplus(−D(x)) + E softplus(D(G(z))). Generator: −E softplus(D(G(z))). Its push vanishes where the critic is sure that a point is not data.',
    nonsaturating:
      'Critic: E softplus(−D(x)) + E softplus(D(G(z))). Generator: E softplus(−D(G(z))). Its push is largest where the critic is sure that a point is not data.',
    least_squares: 'Critic: E (D(x) − 1)² / 2 + E D(G(z))² / 2. Generator: E (D(G(z)) − 1)² / 2.',
    wasserstein:
      'Critic: E D(G(z)) − E D(x). Generator: −E D(G(z)). Nothing but a penalty limits the scores.',
    relativistic:
      'Critic: E softplus(D(G(z)) − D(x)). Generator: E softplus(D(x) − D(G(z))). Each sample is compared with one data point.',
  };

  const defaults = { ...game.defaults, averaged: true };
  const settings = { ...defaults };
  let state,
    curves,
    running = false,
    field = {},
    count,
    message = '',
    picked = -1,
    started;
  let real = new Float32Array(),
    fake = real,
    cursor = null,
    fresh = true,
    countedAt = 0,
    drawnAt = 0,
    shownAt = 0;
  const speed = { steps: 0, since: 0 };

  function restart() {
    state = game.create(settings);
    curves = { critic: [], generator: [], push: [], stride: 1, sums: [0, 0, 0], n: 0 };
    real = data.draw(data.sets[settings.data], 400, data.random(7));
    message = '';
    refresh();
  }

  function refresh() {
    fresh = true;
    drawnAt = countedAt = 0;
  }

  // Adds the numbers of a step to the curves. Full curves are thinned to every second point.
  function note({ critic, generator, push }) {
    [critic, generator, push].forEach((v, i) => (curves.sums[i] += v));
    if (++curves.n < curves.stride) return;
    ['critic', 'generator', 'push'].forEach((name, i) =>
      curves[name].push(curves.sums[i] / curves.n),
    );
    [curves.sums, curves.n] = [[0, 0, 0], 0];
    if (curves.push.length < KEPT) return;
    for (const name of ['critic', 'generator', 'push']) {
      curves[name] = curves[name].flatMap((v, i, all) => (i % 2 ? [(v + all[i - 1]) / 2] : []));
    }
    curves.stride *= 2;
  }

  function play() {
    if (!data.sets[settings.data].means.length) return;
    note(game.step(state, settings));
    fresh = true;
    speed.steps++;
    if (state.step % 50 && running) return;
    if (game.finite(state)) return;
    stop();
    message =
      'Training has failed: a weight is infinite or not a number. Lower the learning rates, or add a penalty, and restart.';
  }

  function frame(now) {
    const begun = performance.now();
    for (let i = 0; running && i < 200 && performance.now() - begun < BUDGET; i++) play();
    if (fresh && (!running || now - shownAt >= 45)) draw(now);
    started ??= performance.now(); // since the address was opened
    requestAnimationFrame(frame);
  }

  function draw(now) {
    fresh = false;
    shownAt = now;
    const every = running ? 200 : 0;
    if (now - drawnAt >= every || !drawnAt) {
      drawnAt = now;
      field = { scores: game.field(state, settings, pictures.heatPoints).scores };
      field.push = game.field(state, settings, pictures.arrowPoints).push;
      charts();
    }
    fake = game.samples(state, settings.averaged, 500);
    const show = (id, what) => (find(id).checked ? what : undefined);
    pictures.plane(find('plane'), {
      scores: show('showHeat', field.scores),
      push: show('showArrows', field.push),
      real: show('showData', real),
      fake,
      cursor: settings.data === 'drawing' && document.activeElement === find('plane') && cursor,
    });
    if (now - countedAt >= (running ? 500 : 0) || !countedAt) measure(now);
    find('step').textContent = state.step.toLocaleString('en');
  }

  function measure(now) {
    const set = data.sets[settings.data],
      percent = (x) => `${Math.round(100 * x)} %`;
    countedAt = now;
    count = data.reached(set, game.samples(state, settings.averaged));
    find('foundName').textContent = set.curve ? 'Data reached' : 'Modes found';
    find('found').textContent = set.curve
      ? percent(count.found / count.of)
      : `${count.found} of ${count.of}`;
    find('good').textContent = percent(count.good);
    find('push').textContent = curves.push.length ? short(curves.push.at(-1)) : '–';
    if (now - speed.since > 900) {
      const rate = (1000 * speed.steps) / (now - speed.since);
      find('speed').textContent = running ? `${Math.round(rate)} steps a second` : message;
      [speed.steps, speed.since] = [0, now];
    }
    find('plane').setAttribute('aria-label', describe());
    if (!running) find('speed').textContent = message;
  }

  function short(x) {
    return !Number.isFinite(x)
      ? String(x)
      : x === 0 || (x >= 0.01 && x < 1000)
        ? x.toPrecision(2)
        : x.toExponential(0);
  }

  function describe() {
    const [c, g, p] = ['critic', 'generator', 'push'].map((name) => curves[name].at(-1));
    const losses =
      p === undefined
        ? ''
        : ` Critic's loss ${short(c)}, generator's loss ${short(g)}, mean push ${short(p)}.`;
    return `The plane at step ${state.step}: ${find('foundName').textContent.toLowerCase()} ${find('found').textContent}, ${find('good').textContent} of the samples on the data.${losses}`;
  }

  // Draws both charts. The losses' range holds 96 of 100 values, so that one peak hides nothing.
  function charts() {
    const values = [...curves.critic, ...curves.generator]
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    const at = (share) => values[Math.round(share * (values.length - 1))] ?? 0;
    const low = Math.min(0, at(0.02)),
      high = Math.max(1, at(0.98));
    const marks = [...new Set([low, 0, high])].map((v) => ({ at: v, text: v ? short2(v) : '0' }));
    const curve = (name) => ({ colour: name, values: curves[name] });
    const both = [curve('critic'), { colour: 'fake', values: curves.generator }];
    pictures.chart(
      find('losses'),
      both,
      low,
      high,
      marks.filter((m, i) => !i || Math.abs(m.at - marks[i - 1].at) > 0.12 * (high - low)),
    );
    const log = curves.push.map((v) => Math.log10(Math.max(v, 1e-9)));
    const seen = log.filter(Number.isFinite),
      bottom = Math.min(-2, Math.floor(Math.min(...seen)));
    const top = Math.max(2, Math.ceil(Math.max(...seen))),
      apart = Math.ceil((top - bottom) / 5),
      powers = [];
    for (let e = top; e >= bottom; e -= apart)
      powers.push({ at: e, text: `${e < 4 && e > -4 ? Number(`1e${e}`) : `1e${e}`}` });
    pictures.chart(find('pushes'), [{ colour: 'fake', values: log }], bottom, top, powers);
    for (const name of ['losses', 'pushes']) find(name).setAttribute('aria-label', trend(name));
  }

  function short2(v) {
    return Math.abs(v) >= 1000 ? v.toExponential(0) : v.toFixed(Math.abs(v) < 10 ? 1 : 0);
  }

  function trend(name) {
    const told = (what, values) =>
      values.length
        ? `${what}: now ${short(values.at(-1))}, lowest ${short(Math.min(...values))}, highest ${short(Math.max(...values))}.`
        : `${what}: nothing yet.`;
    if (name === 'pushes') return told('Mean push on the samples', curves.push);
    return `${told("Critic's loss", curves.critic)} ${told("Generator's loss", curves.generator)}`;
  }

  // Controls.

  function stop() {
    setRunning(false);
  }

  function setRunning(on) {
    const empty = !data.sets[settings.data].means.length;
    if (on) message = empty ? 'There is no data: draw some points first.' : '';
    running = on && !empty;
    [speed.steps, speed.since] = [0, performance.now()];
    find('run').textContent = running ? 'Pause' : 'Run';
    refresh();
    if (!running) requestAnimationFrame(() => say(message || describe()));
  }

  function say(words) {
    find('status').textContent = words;
  }

  function slider(name, [label, values]) {
    const box = document.createElement('div'),
      id = `set-${name}`;
    box.innerHTML = `<label for="${id}"><span></span><output for="${id}"></output></label>
      <input type="range" id="${id}" min="0" max="${values.length - 1}" step="1">`;
    box.querySelector('span').textContent = label;
    box
      .querySelector('input')
      .addEventListener('input', (event) => change(name, values[event.target.value]));
    find('settings').append(box);
  }

  function change(name, value) {
    settings[name] = value;
    picked = -1;
    apply(selects[name] || sliders[name]?.[2]);
  }

  // Shows the settings in the controls and in the address.
  function apply(anew) {
    for (const [name, [, values]] of Object.entries(sliders)) {
      const input = find(`set-${name}`);
      input.value = values.indexOf(settings[name]);
      input.setAttribute('aria-valuetext', settings[name]);
      input.parentElement.querySelector('output').textContent = settings[name];
    }
    for (const name of Object.keys(selects)) find(name).value = settings[name];
    find('averaged').checked = settings.averaged;
    find('set-weight').disabled = settings.penalty === 'none';
    find('formula').textContent =
      `${formulas[settings.objective].replaceAll('. ', '.\n')}\nD is the critic's score, G the generator, E the mean.`;
    find('hint').hidden = settings.data !== 'drawing';
    find('plane').classList.toggle('draws', settings.data === 'drawing');
    find('plane').tabIndex = settings.data === 'drawing' ? 0 : -1;
    find('plane').setAttribute('role', settings.data === 'drawing' ? 'application' : 'img');
    [...find('experiments').children].forEach((card, i) =>
      card.setAttribute('aria-current', i === picked),
    );
    const changed = Object.entries(settings).filter(([name, v]) => v !== defaults[name]);
    history.replaceState(null, '', `#${new URLSearchParams(changed)}`);
    if (anew) restart();
    refresh();
  }

  // Reads settings from the address; says which it does not know.
  function read() {
    const given = new URLSearchParams(location.hash.slice(1)),
      unknown = [];
    for (const [name, text] of given) {
      const values =
        name === 'averaged'
          ? [true, false]
          : (sliders[name]?.[1] ?? [...(find(name)?.options ?? [])].map((o) => o.value));
      const value = values.find((v) => String(v) === text);
      if (value !== undefined && name in settings) settings[name] = value;
      else if (name !== 'run') unknown.push(`${name}=${text}`);
    }
    apply(true);
    if (unknown.length)
      message = `The address has settings that this page does not know: ${unknown.join(', ')}. They are ignored.`;
    if (given.has('run')) setRunning(true);
  }

  function card({ title, text, repair, settings: changes, repaired }, i) {
    const item = document.createElement('li'),
      buttons = document.createElement('div');
    for (const [tag, words] of [
      ['h3', title],
      ['p', text],
      ['p', repair],
    ]) {
      item.append(Object.assign(document.createElement(tag), { textContent: words }));
    }
    for (const [words, all] of [
      ['Try it', changes],
      ['Repair it', { ...changes, ...repaired, averaged: true }],
    ]) {
      const button = Object.assign(document.createElement('button'), {
        type: 'button',
        textContent: words,
      });
      button.setAttribute('aria-label', `${words}: ${title}`);
      button.addEventListener('click', () => choose(all, i));
      buttons.append(button);
    }
    item.append(buttons);
    find('experiments').append(item);
  }

  // Plays with the first settings and these changes, from the start.
  function choose(changes, i) {
    Object.assign(settings, defaults, changes);
    picked = i;
    apply(true);
    setRunning(true);
    find('run').focus({ preventScroll: true });
    document.querySelector('main').scrollIntoView();
  }

  // Drawing, by pointer and by keyboard.

  function add(x, y) {
    data.sets.drawing.means.push([x, y]);
    real = data.draw(data.sets.drawing, 400, data.random(7));
    refresh();
  }

  function where(event) {
    const box = find('plane').getBoundingClientRect();
    const scale = (share) => Math.max(-2, Math.min(2, pictures.EDGE * (2 * share - 1)));
    return [
      scale((event.clientX - box.left) / box.width),
      -scale((event.clientY - box.top) / box.height),
    ];
  }

  function drawing() {
    const canvas = find('plane'),
      on = () => settings.data === 'drawing';
    let down = false;
    const stroke = (event) => on() && down && add(...(cursor = where(event)));
    canvas.addEventListener('pointerdown', (event) => ((down = true), stroke(event)));
    canvas.addEventListener('pointermove', stroke);
    addEventListener('pointerup', () => (down = false));
    canvas.addEventListener('focus', () => ((cursor ??= [0, 0]), refresh()));
    canvas.addEventListener('blur', refresh);
    canvas.addEventListener('keydown', (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[
        event.key
      ];
      if (!on() || !(move || event.key === ' ')) return;
      event.preventDefault();
      cursor ??= [0, 0];
      if (move) cursor = cursor.map((v, i) => Math.max(-2, Math.min(2, v + 0.1 * move[i])));
      else add(...cursor);
      say(`Cursor at ${cursor.map((v) => v.toFixed(1)).join(', ')}${move ? '' : ': point added'}.`);
      refresh();
    });
    find('clear').addEventListener('click', () => {
      data.sets.drawing.means = [];
      real = new Float32Array();
      stop();
      refresh();
    });
  }

  function start() {
    Object.entries(sliders).forEach(([name, about]) => slider(name, about));
    experiments.forEach(card);
    for (const name of Object.keys(selects))
      find(name).addEventListener('change', (event) => change(name, event.target.value));
    find('settings').addEventListener('submit', (event) => event.preventDefault());
    find('run').addEventListener('click', () => setRunning(!running));
    find('first').addEventListener('click', () => choose({}, -1));
    find('one').addEventListener('click', () => (setRunning(false), play()));
    find('restart').addEventListener('click', restart);
    find('averaged').addEventListener('change', (event) =>
      change('averaged', event.target.checked),
    );
    for (const id of ['showHeat', 'showArrows', 'showData'])
      find(id).addEventListener('change', refresh);
    const gradient = () =>
      ['low', 'middle', 'high'].forEach((name) =>
        document.documentElement.style.setProperty(`--${name}`, `rgb(${pictures.colours()[name]})`),
      );
    gradient();
    pictures.scheme.addEventListener('change', () => (gradient(), refresh()));
    addEventListener('resize', refresh);
    addEventListener('hashchange', () => (Object.assign(settings, defaults), read()));
    drawing();
    read();
    requestAnimationFrame(frame);
  }

  start();
  return { result: () => ({ step: state.step, running, message, started, ...count }), settings };
})();
