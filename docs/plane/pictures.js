'use strict';
// The pictures: the plane with the critic's field and the points, and charts of curves.

const pictures = (() => {
  const EDGE = 2.2; // the plane is shown from -EDGE to EDGE
  const CELLS = 48; // of the score, along each side
  const ARROWS = 16;

  const light = {
    low: [205, 223, 245],
    middle: [248, 248, 250],
    high: [255, 217, 163],
    real: '#0a5ea8',
    fake: '#b3420c',
    critic: '#5b3bb5',
    arrow: 'rgb(60 66 82 / 0.62)',
    text: '#5a6275',
    line: '#d9dce5',
    cursor: '#2454c9',
  };
  const dark = {
    low: [25, 42, 74],
    middle: [30, 33, 42],
    high: [92, 60, 22],
    real: '#5cc2ff',
    fake: '#ff9d5c',
    critic: '#b9a2ff',
    arrow: 'rgb(205 212 230 / 0.5)',
    text: '#a3abbd',
    line: '#343b4b',
    cursor: '#86a8ff',
  };
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const colours = () => (scheme.matches ? dark : light);

  // Returns the context of a canvas in units of CSS pixels, cleared, and its size.
  function open(canvas) {
    const ratio = window.devicePixelRatio || 1,
      w = canvas.clientWidth,
      h = canvas.clientHeight;
    const [pw, ph] = [Math.round(w * ratio), Math.round(h * ratio)];
    if (canvas.width !== pw || canvas.height !== ph) [canvas.width, canvas.height] = [pw, ph];
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, w, h);
    return { context, w, h };
  }

  // Centres of n x n cells, from the top left, [n * n, 2].
  function centres(n) {
    return Float32Array.from({ length: 2 * n * n }, (_, i) => {
      const at = i >> 1,
        cell = i % 2 ? n - 1 - Math.floor(at / n) : at % n;
      return EDGE * ((2 * cell + 1) / n - 1);
    });
  }
  const heatPoints = centres(CELLS),
    arrowPoints = centres(ARROWS);
  const small = document.createElement('canvas');
  small.width = small.height = CELLS;

  function heat(context, size, scores) {
    const c = colours(),
      image = new ImageData(CELLS, CELLS);
    const low = Math.min(...scores),
      high = Math.max(...scores),
      span = high - low || 1;
    scores.forEach((score, i) => {
      const s = (2 * (score - low)) / span;
      const [from, to, t] = s < 1 ? [c.low, c.middle, s] : [c.middle, c.high, s - 1];
      for (let k = 0; k < 3; k++) image.data[4 * i + k] = from[k] + (to[k] - from[k]) * t;
      image.data[4 * i + 3] = 255;
    });
    small.getContext('2d').putImageData(image, 0, 0);
    context.drawImage(small, 0, 0, size, size);
  }

  function place(size, x, y) {
    return [((x / EDGE + 1) * size) / 2, ((1 - y / EDGE) * size) / 2];
  }

  // The length of an arrow is |push| / (|push| + 1) of a cell, the same in every picture.
  function arrows(context, size, push) {
    context.strokeStyle = context.fillStyle = colours().arrow;
    context.lineWidth = 1.3;
    for (let i = 0; i < push.length; i += 2) {
      const [x, y] = place(size, arrowPoints[i], arrowPoints[i + 1]);
      const length = Math.hypot(push[i], push[i + 1]),
        reach = (size / ARROWS) * (length / (length + 1));
      const [dx, dy] = [push[i] / (length || 1), -push[i + 1] / (length || 1)];
      context.beginPath();
      if (reach < 1.5) {
        context.arc(x, y, 1, 0, 7);
        context.fill();
        continue;
      }
      const [tx, ty] = [x + (dx * reach) / 2, y + (dy * reach) / 2],
        head = Math.min(4, reach / 2);
      context.moveTo(x - (dx * reach) / 2, y - (dy * reach) / 2);
      context.lineTo(tx, ty);
      context.moveTo(tx - head * (dx - 0.6 * dy), ty - head * (dy + 0.6 * dx));
      context.lineTo(tx, ty);
      context.lineTo(tx - head * (dx + 0.6 * dy), ty - head * (dy - 0.6 * dx));
      context.stroke();
    }
  }

  function dots(context, size, points, colour, radius, alpha) {
    context.fillStyle = colour;
    context.globalAlpha = alpha;
    radius *= Math.min(1, Math.max(0.7, size / 540));
    for (let i = 0; i < points.length; i += 2) {
      const [x, y] = place(size, points[i], points[i + 1]);
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  // Draws the plane; parts of `shown` that are missing are not drawn.
  function plane(canvas, { scores, push, real, fake, cursor }) {
    const { context, w } = open(canvas),
      c = colours();
    if (scores) heat(context, w, scores);
    if (push) arrows(context, w, push);
    if (real) dots(context, w, real, c.real, 1.8, 0.75);
    if (fake) dots(context, w, fake, c.fake, 2.5, 0.65);
    if (!cursor) return;
    const [x, y] = place(w, ...cursor);
    context.strokeStyle = c.cursor;
    context.lineWidth = 2;
    context.beginPath();
    for (const [dx, dy] of [
      [9, 0],
      [0, 9],
    ]) {
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    context.stroke();
  }

  // Draws curves {colour, values} between the values of `low` and `high`, with marks {at, text}.
  function chart(canvas, curves, low, high, marks) {
    const { context, w, h } = open(canvas),
      c = colours(),
      left = 44,
      pad = 8;
    const up = (v) =>
      h - pad - ((Math.min(Math.max(v, low), high) - low) / (high - low)) * (h - 2 * pad);
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    context.lineWidth = 1;
    context.fillStyle = c.text;
    context.strokeStyle = c.line;
    for (const { at, text } of marks) {
      context.fillText(text, left - 8, up(at));
      context.beginPath();
      context.moveTo(left, Math.round(up(at)) + 0.5);
      context.lineTo(w - pad, Math.round(up(at)) + 0.5);
      context.stroke();
    }
    context.lineWidth = 1.6;
    for (const { colour, values } of curves) {
      context.strokeStyle = c[colour];
      context.beginPath();
      values.forEach((v, i) => {
        const x = left + ((w - left - pad) * i) / Math.max(values.length - 1, 1);
        if (Number.isFinite(v)) context.lineTo(x, up(v));
      });
      context.stroke();
    }
  }

  return { EDGE, arrowPoints, chart, colours, heatPoints, plane, scheme };
})();
