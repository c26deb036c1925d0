'use strict';

const by = id => document.getElementById(id);
const read = id => (by(id) ? JSON.parse(by(id).textContent) : null);
const shown = value => {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (size >= 1e6 || (size && size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
};

// Samples through time: one slider for all runs of the page.

function film(runs) {
  const slider = by('time'), now = by('now'), play = by('play');
  runs.forEach((run, i) => { run.image = by('frame-' + i); run.label = by('step-' + i); });
  runs.forEach(run => { run.urls[run.urls.length - 1] = run.image.src; });
  if (!slider) return;
  const last = Number(slider.max);
  const show = () => {
    for (const run of runs) {
      const at = Math.round(slider.value / last * (run.steps.length - 1));
      run.image.src = run.urls[at];
      run.image.alt = run.image.dataset.alt.replace('STEP', run.steps[at]);
      if (run.label) run.label.textContent = 'step ' + run.steps[at];
      if (runs.length === 1) now.textContent = 'step ' + run.steps[at];
    }
    if (runs.length > 1) now.textContent = Math.round(100 * slider.value / last) + ' %';
    slider.setAttribute('aria-valuetext', now.textContent);
  };
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = 'Play'; };
  const next = () => {
    if (Number(slider.value) >= last) return stop();
    slider.value = Number(slider.value) + 1;
    show();
  };
  slider.addEventListener('input', () => { stop(); show(); });
  play.addEventListener('click', () => {
    if (timer) return stop();
    if (Number(slider.value) >= last) { slider.value = 0; show(); }
    play.textContent = 'Pause';
    timer = setInterval(next, Math.max(80, Math.min(500, 6000 / (last + 1))));
  });
}

// Curves.

const W = 520, H = 240, LEFT = 54, RIGHT = 16, TOP = 8, BOTTOM = 24;
const SVG = 'http://www.w3.org/2000/svg';
const DASHES = ['', '7 4', '2 4', '10 3 2 3', '1 3', '12 6'];

function draw(name, attributes, parent, text) {
  const one = document.createElementNS(SVG, name);
  for (const key in attributes) one.setAttribute(key, attributes[key]);
  if (text !== undefined) one.textContent = text;
  if (parent) parent.appendChild(one);
  return one;
}

function smoothed(values, weight) {
  let mean = 0, total = 0;
  return values.map(value => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return mean / total;
  });
}

function ticks(low, high, count, least = 0) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, [1, 2, 5, 10].map(x => x * power).find(x => x >= rough));
  const found = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step / 1e6; x += step) {
    found.push(Math.abs(x) < step / 1e6 ? 0 : x);
  }
  return found;
}

function range(series, log) {
  const all = series.flatMap(s => s.values.filter(v => v !== null && (!log || v > 0)));
  if (!all.length) return [0, 1];
  all.sort((a, b) => a - b);
  const cut = Math.floor(all.length * .004);
  let low = all[cut], high = all[all.length - 1 - cut];
  if (log) { low = Math.log10(low); high = Math.log10(high); }
  const pad = (high - low) * .06 || Math.abs(high) * .1 || 1;
  return [low - pad, high + pad];
}

class Chart {
  constructor(title, series, events, many) {
    Object.assign(this, {title, series, events, many, hidden: new Set(), smooth: .6});
    const positive = series.flatMap(s => s.values.filter(v => v !== null && v !== 0));
    this.positive = positive.length && positive.every(v => v > 0);
    const sorted = positive.slice().sort((a, b) => a - b);
    const at = share => sorted[Math.floor(share * (sorted.length - 1))];
    this.log = this.positive && title !== 'speed' && at(.98) / at(.02) > 200;
    this.box = document.createElement('figure');
    this.box.className = 'chart';
    const head = this.box.appendChild(document.createElement('h3'));
    head.appendChild(document.createElement('span')).textContent = title;
    if (this.positive) head.appendChild(this.scale());
    this.svg = draw('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', tabindex: 0}, this.box);
    this.legend = this.box.appendChild(document.createElement('div'));
    this.legend.className = 'legend';
    this.keys = series.map(s => this.key(s));
    this.listen();
    this.paint();
  }

  scale() {
    const button = document.createElement('button');
    button.className = 'scale';
    button.textContent = 'log scale';
    button.setAttribute('aria-pressed', this.log);
    button.addEventListener('click', () => {
      this.log = !this.log;
      button.setAttribute('aria-pressed', this.log);
      this.paint();
    });
    return button;
  }

  key(s) {
    const button = this.legend.appendChild(document.createElement('button'));
    button.setAttribute('aria-pressed', true);
    const sample = draw('svg', {viewBox: '0 0 18 8', 'aria-hidden': true}, button);
    draw('line', {x1: 0, x2: 18, y1: 4, y2: 4, 'stroke-width': 3,
      'stroke-dasharray': s.dash, style: `stroke: ${s.color}`}, sample);
    button.appendChild(document.createElement('span')).textContent = s.label;
    const value = button.appendChild(document.createElement('b'));
    button.addEventListener('click', () => {
      this.hidden.has(s) ? this.hidden.delete(s) : this.hidden.add(s);
      button.setAttribute('aria-pressed', !this.hidden.has(s));
      this.paint();
    });
    return value;
  }

  listen() {
    this.svg.addEventListener('pointermove', event => {
      const box = this.svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * W;
      this.point(this.first + (x - LEFT) / (W - LEFT - RIGHT) * (this.last - this.first));
    });
    this.svg.addEventListener('pointerleave', () => this.point(null));
    this.svg.addEventListener('blur', () => this.point(null));
    this.svg.addEventListener('keydown', event => {
      const way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!way) return;
      event.preventDefault();
      const all = this.visible().flatMap(s => s.steps).sort((a, b) => a - b);
      const from = this.at === null ? this.last + 1 : this.at;
      const beyond = all.filter(x => way * (x - from) > 0);
      if (beyond.length) this.point(way > 0 ? beyond[0] : beyond[beyond.length - 1]);
    });
  }

  visible() {
    return this.series.filter(s => !this.hidden.has(s) && s.on());
  }

  paint() {
    const seen = this.visible(), svg = this.svg;
    svg.replaceChildren();
    const steps = this.series.flatMap(s => [s.steps[0], s.steps[s.steps.length - 1]]);
    this.first = Math.min(...steps);
    this.last = Math.max(...steps, this.first + 1);
    const [low, high] = range(seen, this.log);
    const x = step => LEFT + (step - this.first) / (this.last - this.first) * (W - LEFT - RIGHT);
    const y = v => TOP + (high - (this.log ? Math.log10(v) : v)) / (high - low) * (H - TOP - BOTTOM);
    this.x = x;
    for (const tick of this.levels(low, high)) {
      const at = y(tick);
      draw('line', {x1: LEFT, x2: W - RIGHT, y1: at, y2: at, class: 'axis'}, svg);
      draw('text', {x: LEFT - 6, y: at + 4, 'text-anchor': 'end'}, svg, shown(tick));
    }
    for (const tick of ticks(this.first, this.last, 5, 1)) {
      draw('text', {x: x(tick), y: H - 6, 'text-anchor': 'middle'}, svg, tick);
    }
    const clip = 'clip-' + this.title.replace(/\W/g, '-');
    const area = draw('clipPath', {id: clip}, draw('defs', {}, svg));
    draw('rect', {x: LEFT, y: 0, width: W - LEFT, height: H - BOTTOM + 1}, area);
    const lines = draw('g', {'clip-path': `url(#${clip})`}, svg);
    for (const s of seen) {
      const style = `stroke: ${s.color}`;
      if (this.smooth > 0 && s.values.length > 2) {
        draw('path', {d: this.path(s.steps, s.values, x, y), class: 'raw', style}, lines);
      }
      const mean = s.values.length > 2 ? smoothed(s.values, this.smooth) : s.values;
      const d = this.path(s.steps, mean, x, y);
      draw('path', {d, class: 'line', style, 'stroke-dasharray': s.dash}, lines);
    }
    for (const [step, text] of this.events) {
      const mark = draw('line', {x1: x(step), x2: x(step), y1: TOP, y2: H - BOTTOM, class: 'event'}, svg);
      draw('title', {}, mark, text);
    }
    this.cursor = draw('line', {y1: TOP, y2: H - BOTTOM, class: 'cursor', visibility: 'hidden'}, svg);
    this.point(null);
    svg.setAttribute('aria-label', this.summary(seen));
  }

  levels(low, high) {
    if (!this.log) return ticks(low, high, 4);
    const found = [];
    const every = Math.max(1, Math.ceil((high - low) / 5));
    for (let power = Math.ceil(low); power <= high; power += every) found.push(10 ** power);
    return found.length > 1 ? found : [10 ** (low + .1 * (high - low)), 10 ** (high - .1 * (high - low))];
  }

  path(steps, values, x, y) {
    let d = '', pen = false;
    values.forEach((value, i) => {
      const ok = value !== null && (!this.log || value > 0);
      if (ok) d += `${pen ? 'L' : 'M'}${x(steps[i]).toFixed(1)} ${y(value).toFixed(1)}`;
      if (ok && !pen) d += 'h0';
      pen = ok;
    });
    return d;
  }

  point(step) {
    this.at = step === null ? null : Math.min(Math.max(step, this.first), this.last);
    const texts = this.series.map((s, i) => {
      const at = this.at === null ? s.steps.length - 1 : nearest(s.steps, this.at);
      this.keys[i].textContent = shown(s.values[at]);
      return at;
    });
    this.cursor.setAttribute('visibility', this.at === null ? 'hidden' : 'visible');
    if (this.at === null) { this.legend.removeAttribute('aria-live'); return; }
    const x = this.x(this.at);
    this.cursor.setAttribute('x1', x);
    this.cursor.setAttribute('x2', x);
    this.legend.setAttribute('aria-live', 'polite');
    this.svg.dataset.step = this.series[0].steps[texts[0]];
  }

  summary(seen) {
    const parts = seen.map(s => {
      const known = s.values.filter(v => v !== null);
      if (!known.length) return `${s.label}: no finite value`;
      const least = known.reduce((a, b) => Math.min(a, b)), most = known.reduce((a, b) => Math.max(a, b));
      return `${s.label} from ${shown(known[0])} to ${shown(known[known.length - 1])}, ` +
        `between ${shown(least)} and ${shown(most)}`;
    });
    return `${this.title}, steps ${this.first} to ${this.last}. ${parts.join('; ')}. ` +
      'Arrow keys move along the steps.';
  }
}

function nearest(steps, step) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1; else high = middle;
  }
  return low > 0 && step - steps[low - 1] < steps[low] - step ? low - 1 : low;
}

function curves(data) {
  const holder = by('charts'), many = data.runs.length > 1, off = new Set(), made = [];
  for (const [title, names] of data.charts) {
    const series = [];
    data.runs.forEach((run, i) => names.forEach((name, j) => {
      if (!run.curves[name]) return;
      const [steps, values] = run.curves[name];
      const color = `var(--c${(many ? i : j) % 8})`;
      const dash = many ? DASHES[j % 6] : DASHES[Math.floor(j / 8) % 6];
      const label = many ? (names.length > 1 ? `${run.name}: ${name}` : run.name) : name;
      series.push({label, steps, values, color, dash, on: () => !off.has(i)});
    }));
    const events = many ? [] : data.runs[0].events;
    const chart = new Chart(title, series, events, many);
    holder.appendChild(chart.box);
    made.push(chart);
  }
  by('smooth').addEventListener('input', event => {
    for (const chart of made) { chart.smooth = Number(event.target.value); chart.paint(); }
  });
  document.querySelectorAll('[data-run]').forEach(box => box.addEventListener('change', () => {
    const i = Number(box.dataset.run);
    box.checked ? off.delete(i) : off.add(i);
    made.forEach(chart => chart.paint());
  }));
}

document.querySelectorAll('[data-copy]').forEach(button => button.addEventListener('click', () => {
  const range = document.createRange();
  range.selectNodeContents(by(button.dataset.copy));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  document.execCommand('copy');
  button.textContent = 'Copied';
}));
if (read('film-data')) film(read('film-data'));
if (read('curves-data')) curves(read('curves-data'));
