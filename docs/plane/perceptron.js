'use strict';
// Perceptrons with relu, as jaxgan.networks.mlp.Perceptron, their gradients, and Adam.
//
// The files of this page are classic scripts, because browsers refuse ES modules from file://.
// Each defines one constant that the next files use. Arrays are flat, row by row: [n, features].

const perceptron = (() => {
  // c[i, j] += sum_k a[i, k] b[k, j], for matrices of any strides; c has rows of length `cols`.
  // Blocks of 4 x 4 stay in registers, which is five times as fast as a plain loop.
  function multiply(a, aRow, aIn, b, bIn, bCol, c, rows, inner, cols) {
    let i = 0;
    for (; i + 4 <= rows; i += 4) {
      let j = 0;
      for (; j + 4 <= cols; j += 4) {
        let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
        let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0;
        for (let k = 0, p = i * aRow, q = j * bCol; k < inner; k++, p += aIn, q += bIn) {
          const a0 = a[p], a1 = a[p + aRow], a2 = a[p + 2 * aRow], a3 = a[p + 3 * aRow];
          const b0 = b[q], b1 = b[q + bCol], b2 = b[q + 2 * bCol], b3 = b[q + 3 * bCol];
          c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
          c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
          c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3;
          c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3;
        }
        let o = i * cols + j;
        c[o] += c00; c[o + 1] += c01; c[o + 2] += c02; c[o + 3] += c03; o += cols;
        c[o] += c10; c[o + 1] += c11; c[o + 2] += c12; c[o + 3] += c13; o += cols;
        c[o] += c20; c[o + 1] += c21; c[o + 2] += c22; c[o + 3] += c23; o += cols;
        c[o] += c30; c[o + 1] += c31; c[o + 2] += c32; c[o + 3] += c33;
      }
      if (j < cols) edge(a, aRow, aIn, b, bIn, bCol, c, i, i + 4, inner, j, cols);
    }
    if (i < rows) edge(a, aRow, aIn, b, bIn, bCol, c, i, rows, inner, 0, cols);
  }

  // The same for the rows and columns that fill no block.
  function edge(a, aRow, aIn, b, bIn, bCol, c, row, rows, inner, col, cols) {
    for (let i = row; i < rows; i++) {
      for (let j = col; j < cols; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += a[i * aRow + k * aIn] * b[k * bIn + j * bCol];
        c[i * cols + j] += sum;
      }
    }
  }

  // Views of the flat array `values`: for each layer x W + b, `weight` [n, m] and `bias` [m].
  function layers(sizes, values) {
    let at = 0;
    const take = (size) => values.subarray(at, (at += size));
    return sizes.slice(1).map((m, l) => ({ n: sizes[l], m, weight: take(sizes[l] * m), bias: take(m) }));
  }

  function wrap(sizes, values) {
    return { sizes, values, layers: layers(sizes, values) };
  }

  function zeros(sizes) {
    const size = sizes.slice(1).reduce((sum, m, l) => sum + (sizes[l] + 1) * m, 0);
    return wrap(sizes, new Float32Array(size));
  }

  // He's start: normal, cut at two standard deviations, of variance 2 / n; biases are 0.
  function create(sizes, random) {
    const net = zeros(sizes);
    for (const { n, weight } of net.layers) {
      const std = Math.sqrt(2 / n) / 0.87962566103423978;
      for (let i = 0; i < weight.length; i++) {
        let z = random.normal();
        while (Math.abs(z) > 2) z = random.normal();
        weight[i] = std * z;
      }
    }
    return net;
  }

  function mask(x, states, l) {
    const h = states[l];
    for (let i = 0; i < x.length; i++) if (!(h[i] > 0)) x[i] = 0;
  }

  // Returns the input, the hidden states and the output: [n, sizes[l]] for each l.
  function forward(net, x) {
    const rows = x.length / net.sizes[0], states = [x];
    net.layers.forEach(({ n, m, weight, bias }, l) => {
      const y = new Float32Array(rows * m);
      for (let i = 0; i < rows; i++) y.set(bias, i * m);
      multiply(states[l], n, 1, weight, m, 1, y, rows, n, m);
      if (l < net.layers.length - 1) for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
      states.push(y);
    });
    return states;
  }

  function last(states) {
    return states[states.length - 1];
  }

  // Returns the gradients of a loss at every layer before its relu, and at the input (the first),
  // from the gradient of the loss at the output.
  function backward(net, states, outputGradient) {
    const depth = net.layers.length, deltas = [];
    deltas[depth] = outputGradient;
    for (let l = depth - 1; l >= 0; l--) {
      const { n, m, weight } = net.layers[l], rows = outputGradient.length / last(net.sizes);
      const x = new Float32Array(rows * n);
      multiply(deltas[l + 1], m, 1, weight, 1, m, x, rows, m, n);
      if (l > 0) mask(x, states, l);
      deltas[l] = x;
    }
    return deltas;
  }

  // Returns the derivative of every state along a direction `v` of the input, [n, sizes[0]].
  function tangents(net, states, v) {
    const all = [v], rows = v.length / net.sizes[0];
    net.layers.slice(0, -1).forEach(({ n, m, weight }, l) => {
      const t = new Float32Array(rows * m);
      multiply(all[l], n, 1, weight, m, 1, t, rows, n, m);
      mask(t, states, l + 1);
      all.push(t);
    });
    return all;
  }

  // Adds to `gradient` that of the weights, states[l]^T deltas[l + 1], and that of the biases.
  function collect(gradient, states, deltas, biases = true) {
    gradient.layers.forEach(({ n, m, weight, bias }, l) => {
      const d = deltas[l + 1], rows = d.length / m;
      multiply(states[l], 1, n, d, m, 1, weight, n, rows, m);
      if (biases) for (let i = 0; i < d.length; i++) bias[i % m] += d[i];
    });
  }

  // Adam without bias of the start, as optax.adam(rate, beta1, beta2).
  function adam(size) {
    return { mean: new Float32Array(size), square: new Float32Array(size), count: 0 };
  }

  function update(net, gradient, state, rate, beta1 = 0, beta2 = 0.99) {
    const { mean, square } = state, x = net.values, g = gradient.values;
    state.count++;
    const c1 = 1 - beta1 ** state.count, c2 = 1 - beta2 ** state.count;
    for (let i = 0; i < x.length; i++) {
      mean[i] = beta1 * mean[i] + (1 - beta1) * g[i];
      square[i] = beta2 * square[i] + (1 - beta2) * g[i] * g[i];
      x[i] -= (rate * (mean[i] / c1)) / (Math.sqrt(square[i] / c2) + 1e-8);
    }
  }

  return { adam, backward, collect, create, forward, last, tangents, update, wrap, zeros };
})();
