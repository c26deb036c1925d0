'use strict';
// The game of two players: the critic's updates, then one of the generator.

const game = (() => {
  const LATENT = 2;
  const HALF_LIFE = 10000; // points, of the average of the generator
  const SAMPLES = 2500; // as many as jaxgan plane draws to count modes

  const defaults = {
    data: 'ring8',
    objective: 'nonsaturating',
    penalty: 'r1',
    weight: 0.02,
    generatorRate: 0.003,
    criticRate: 0.003,
    criticSteps: 1,
    batch: 64,
    generatorUnits: 64,
    criticUnits: 64,
    seed: 0,
  };

  function create(settings) {
    const random = data.random(settings.seed),
      g = settings.generatorUnits,
      c = settings.criticUnits;
    const generator = perceptron.create([LATENT, g, g, 2], random);
    const critic = perceptron.create([2, c, c, 1], random);
    return {
      generator,
      critic,
      average: perceptron.wrap(generator.sizes, generator.values.slice()),
      optimizers: [generator, critic].map((net) => perceptron.adam(net.values.length)),
      random,
      step: 0,
      realLogit: 0,
    };
  }

  // Plays one step and returns the losses and the mean length of the push on the samples.
  function step(state, settings) {
    const { generator, critic, random } = state,
      n = settings.batch,
      set = data.sets[settings.data];
    const real = () => data.draw(set, n, random),
      latents = () => random.normals(n * LATENT);
    let judged;
    for (let i = 0; i < settings.criticSteps; i++) {
      const fake = perceptron.last(perceptron.forward(generator, latents()));
      const mix = Float32Array.from({ length: n }, random.uniform);
      judged = losses.critic(critic, real(), fake, mix, settings);
      perceptron.update(critic, judged.gradient, state.optimizers[1], settings.criticRate);
    }
    const made = losses.generator(generator, critic, latents(), real(), settings);
    perceptron.update(generator, made.gradient, state.optimizers[0], settings.generatorRate);
    follow(state.average, generator, 0.5 ** (n / HALF_LIFE));
    state.step++;
    state.realLogit = judged.real.reduce((sum, x) => sum + x / n, 0);
    return { critic: judged.value, generator: made.value, push: length(made.push) };
  }

  // Moves the average a part of the way to the generator.
  function follow(average, net, keep) {
    const a = average.values,
      x = net.values;
    for (let i = 0; i < a.length; i++) a[i] = keep * a[i] + (1 - keep) * x[i];
  }

  function length(vectors) {
    let sum = 0;
    for (let i = 0; i < vectors.length; i += 2) sum += Math.hypot(vectors[i], vectors[i + 1]);
    return sum / (vectors.length / 2);
  }

  // Draws samples, with the same latents each time, from the generator or from its average.
  const fixed = data.random(1000).normals(SAMPLES * LATENT);
  function samples(state, averaged, n = SAMPLES) {
    const net = averaged ? state.average : state.generator;
    return perceptron.last(perceptron.forward(net, fixed.subarray(0, n * LATENT)));
  }

  // Returns the critic's scores at points, and the push that a sample there would feel.
  function field(state, settings, points) {
    const states = perceptron.forward(state.critic, points),
      scores = perceptron.last(states);
    const loss = losses.objectives[settings.objective].generator;
    const down = scores.map((f) => -loss(state.realLogit, f)[2]);
    return { scores, push: perceptron.backward(state.critic, states, down)[0] };
  }

  const finite = (state) =>
    [state.generator, state.critic].every((net) => net.values.every(Number.isFinite));

  return { create, defaults, field, finite, samples, step };
})();
