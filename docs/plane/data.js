'use strict';
// The data on the plane, as jaxgan.data.mixtures, and what the samples reach of it, as
// jaxgan.evaluation.metrics.modes.

const data = (() => {
  // Random numbers with a seed (mulberry32): uniform in [0, 1), and normal by Box and Muller.
  function random(seed) {
    let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () =>
      Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const normals = (n) => Float32Array.from({ length: n }, normal);
    return { uniform, normal, normals };
  }

  const range = (n) => Array.from({ length: n }, (_, i) => i);

  // Mixtures of round Gaussians: `means`, and the standard deviation `std` of each.
  const ring = {
    means: range(8).map((i) =>
      [0, -Math.PI / 2].map((a) => Math.SQRT2 * Math.cos((Math.PI / 4) * i + a)),
    ),
    std: 0.02 / Math.SQRT2,
  };
  const grid = {
    means: range(25).map((i) => [Math.floor(i / 5), i % 5].map((j) => (2 * j - 4) / Math.sqrt(8))),
    std: 0.05 / Math.sqrt(8),
  };
  // Curves: many means, which are not counted as modes.
  const spiral = {
    means: range(400).map((i) => {
      const t = Math.sqrt((i + 0.5) / 400),
        angle = 4 * Math.PI * t;
      return [1.6 * t * Math.cos(angle), 1.6 * t * Math.sin(angle)];
    }),
    std: 0.02,
    curve: true,
  };
  const heart = range(150).map((i) => {
    const t = (2 * Math.PI * i) / 150;
    const y = 13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t);
    return [1.4 * Math.sin(t) ** 3, 0.0875 * y + 0.2];
  });
  const drawing = { means: heart, std: 0.02, curve: true };
  const sets = { ring8: ring, grid25: grid, spiral, drawing };

  // Draws n points, [n, 2].
  function draw({ means, std }, n, { uniform, normal }) {
    const points = new Float32Array(2 * n);
    for (let i = 0; i < 2 * n; i += 2) {
      const mean = means[Math.floor(uniform() * means.length)];
      points[i] = mean[0] + std * normal();
      points[i + 1] = mean[1] + std * normal();
    }
    return points;
  }

  // Returns the number of means that a sample is near to, and the share of samples near to one.
  // Near is within three standard deviations; for curves, whose means are close, within 0.1.
  function reached({ means, std, curve }, samples) {
    const near = curve ? 0.1 : 3 * std,
      found = new Set();
    let good = 0;
    for (let i = 0; i < samples.length; i += 2) {
      let best = Infinity,
        nearest = -1;
      means.forEach(([x, y], m) => {
        const distance = Math.hypot(samples[i] - x, samples[i + 1] - y);
        if (curve && distance < near) found.add(m);
        if (distance < best) [best, nearest] = [distance, m];
      });
      if (best < near) good++;
      if (best < near) found.add(nearest);
    }
    return { found: found.size, of: means.length, good: good / (samples.length / 2) };
  }

  return { draw, random, reached, sets };
})();
