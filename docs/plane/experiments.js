'use strict';
// Experiments that break a GAN: changes of the first settings, and what to look for. With the
// changes `repaired` too, a game from the start learns the ring.

const experiments = [
  {
    title: 'Mode collapse',
    text: 'No penalty, and a generator ten times as fast as its critic. Soon all samples sit on one or two modes. When the critic learns to reject these, the samples jump to another one.',
    repair:
      "Repair: generator's learning rate 0.002, penalty R1, and restart. A collapsed generator seldom recovers without a restart.",
    settings: { penalty: 'none', generatorRate: 0.05, criticRate: 0.005, averaged: false },
    repaired: { penalty: 'r1', generatorRate: 0.002 },
  },
  {
    title: 'Vanishing gradients',
    text: "Minimax against a critic with ten updates for one of the generator. The critic is sure of every sample: its loss and the generator's go to 0, arrows become dots, and the push often falls far below 1. The samples do not reach the data.",
    repair:
      'Repair: choose Non-saturating and watch the push grow. For the rest, take R1 and one update of the critic.',
    settings: {
      objective: 'minimax',
      penalty: 'none',
      criticSteps: 10,
      criticRate: 0.005,
      generatorRate: 0.001,
      averaged: false,
    },
    repaired: { objective: 'nonsaturating', penalty: 'r1', criticSteps: 1 },
  },
  {
    title: 'Running in circles',
    text: 'The generator is fifty times as fast as the critic. It runs to the place that the critic likes now, the critic changes its mind, and the samples swing through the plane without an end.',
    repair: 'Repair: make both learning rates 0.002, and restart.',
    settings: { generatorRate: 0.05, criticRate: 0.001, averaged: false },
    repaired: { generatorRate: 0.002, criticRate: 0.002 },
  },
  {
    title: 'Scores without limit',
    text: 'Wasserstein without its penalty. Nothing limits the slope of the critic, so the scores, the losses and the push grow to hundreds. They measure no distance any more.',
    repair: 'Repair: choose the gradient penalty, weight 0.1, and restart. The push stays near 2.',
    settings: { objective: 'wasserstein', penalty: 'none' },
    repaired: { penalty: 'gradient_penalty', weight: 0.1 },
  },
  {
    title: 'Too much penalty',
    text: 'R1 of weight 50. The critic may hardly rise or fall, so it cannot tell a mode from the gap beside it. The losses look perfect (1.39 and 0.69), but few samples are on the data.',
    repair: 'Repair: lower the weight step by step, down to 0.02.',
    settings: { weight: 50 },
    repaired: { weight: 0.02 },
  },
  {
    title: 'Too small a generator',
    text: 'Four units in a layer. The generator can bend the plane only a few times. It reaches some of the modes, and leaves bridges of samples between them.',
    repair: "Repair: double the generator's units until the eight modes are found.",
    settings: { generatorUnits: 4 },
    repaired: { generatorUnits: 32 },
  },
];
