'use strict';
// Objectives and gradient penalties, as jaxgan.losses.objectives and gradient_penalties.

const losses = (() => {
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  // For each objective, the critic's loss of one real logit r and one fake logit f, the
  // generator's, and their derivatives: [value, d/dr, d/df]. A loss is the mean over the batch.
  const entropy = (r, f) => [softplus(-r) + softplus(f), -sigmoid(-r), sigmoid(f)];
  const objectives = {
    minimax: { critic: entropy, generator: (r, f) => [-softplus(f), 0, -sigmoid(f)] },
    nonsaturating: { critic: entropy, generator: (r, f) => [softplus(-f), 0, -sigmoid(-f)] },
    least_squares: {
      critic: (r, f) => [(r - 1) ** 2 / 2 + f ** 2 / 2, r - 1, f],
      generator: (r, f) => [(f - 1) ** 2 / 2, 0, f - 1],
    },
    wasserstein: { critic: (r, f) => [f - r, -1, 1], generator: (r, f) => [-f, 0, -1] },
    relativistic: {
      critic: (r, f) => [softplus(f - r), -sigmoid(f - r), sigmoid(f - r)],
      generator: (r, f) => [softplus(r - f), sigmoid(r - f), -sigmoid(r - f)],
    },
  };

  // Returns the mean loss over pairs of logits, and its gradients at the real and fake logits.
  function mean(loss, r, f) {
    const n = r.length,
      real = new Float32Array(n),
      fake = new Float32Array(n);
    let value = 0;
    for (let i = 0; i < n; i++) {
      const [one, dr, df] = loss(r[i], f[i]);
      value += one / n;
      real[i] = dr / n;
      fake[i] = df / n;
    }
    return { value, real, fake };
  }

  // The penalties, of the squared length of the critic's slope at a point: [value, slope / length
  // of the derivative], so that the derivative at the slope g is the second number times g.
  const squared = (square) => [square / 2, 1];
  const around = (square) => {
    const length = Math.sqrt(square + 1e-12);
    return [(length - 1) ** 2, (2 * (length - 1)) / length];
  };
  const penalties = {
    none: [],
    r1: [{ at: 'real', of: squared }],
    r1_r2: [
      { at: 'real', of: squared },
      { at: 'fake', of: squared },
    ],
    gradient_penalty: [{ at: 'between', of: around }],
  };

  function between(real, fake, mix) {
    return real.map((x, i) => mix[i >> 1] * x + (1 - mix[i >> 1]) * fake[i]);
  }

  // Adds the gradient of `weight` E of(|slope at x|^2) to `gradient` and returns the value.
  //
  // A relu is a line almost everywhere. With the relus' masks fixed, the slope g at x is a product
  // of matrices. Let v be the derivative of the penalty at g. Then the derivative at the weights is
  // that of v . g, which is the score's derivative along v: the backward pass of the score, with
  // the states replaced by their derivatives along v. Biases have no effect on g.
  function penalty(critic, x, of, weight, gradient) {
    const states = perceptron.forward(critic, x),
      n = x.length / 2;
    const deltas = perceptron.backward(critic, states, new Float32Array(n).fill(1));
    const slopes = deltas[0],
      v = new Float32Array(2 * n);
    let value = 0;
    for (let i = 0; i < 2 * n; i += 2) {
      const [one, factor] = of(slopes[i] ** 2 + slopes[i + 1] ** 2);
      value += (weight * one) / n;
      v[i] = ((weight * factor) / n) * slopes[i];
      v[i + 1] = ((weight * factor) / n) * slopes[i + 1];
    }
    perceptron.collect(gradient, perceptron.tangents(critic, states, v), deltas, false);
    return value;
  }

  // Returns the critic's loss at points [n, 2], its gradient, and the logits of both batches.
  // `mix` [n] are the shares of the real points in those between real and fake.
  function critic(net, real, fake, mix, { objective, penalty: kind, weight }) {
    const gradient = perceptron.zeros(net.sizes);
    const [r, f] = [real, fake].map((x) => perceptron.forward(net, x));
    const loss = mean(objectives[objective].critic, perceptron.last(r), perceptron.last(f));
    perceptron.collect(gradient, r, perceptron.backward(net, r, loss.real));
    perceptron.collect(gradient, f, perceptron.backward(net, f, loss.fake));
    let value = loss.value;
    for (const { at, of } of penalties[kind]) {
      const x = at === 'between' ? between(real, fake, mix) : at === 'real' ? real : fake;
      value += penalty(net, x, of, weight, gradient);
    }
    return { value, gradient, real: perceptron.last(r), fake: perceptron.last(f) };
  }

  // Returns the generator's loss, its gradient, the samples, and the push on each sample: the
  // step down its own loss, [n, 2].
  function generator(net, judge, latents, real, { objective }) {
    const made = perceptron.forward(net, latents),
      samples = perceptron.last(made);
    const r = perceptron.last(perceptron.forward(judge, real)),
      f = perceptron.forward(judge, samples);
    const loss = mean(objectives[objective].generator, r, perceptron.last(f));
    const atSamples = perceptron.backward(judge, f, loss.fake)[0];
    const gradient = perceptron.zeros(net.sizes);
    perceptron.collect(gradient, made, perceptron.backward(net, made, atSamples));
    const push = atSamples.map((x) => -x * r.length);
    return { value: loss.value, gradient, samples, push };
  }

  return { critic, generator, objectives, penalties };
})();
